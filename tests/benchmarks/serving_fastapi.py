"""The network behind FastAPI and uvicorn, as their documentation writes it, with one thread for the model.

python serving_fastapi.py MODEL.onnx PORT
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime as ort

SIZE = 128


def session(model: str) -> Any:
    """On one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answer(model: Any, body: bytes) -> bytes:
    """One picture's."""
    (found,) = model.run(["logits"], {"images": np.frombuffer(body, np.uint8).reshape(-1, 3, SIZE, SIZE)})
    data: bytes = found.tobytes()
    return data


def serve(path: str, port: int) -> None:
    """The body is awaited, the model runs in a thread of its own."""
    import uvicorn
    from fastapi import FastAPI, Request, Response

    app, model, worker = FastAPI(), session(path), ThreadPoolExecutor(1)

    @app.post("/infer")
    async def infer(request: Request) -> Response:
        body = await request.body()
        found = await asyncio.get_running_loop().run_in_executor(worker, answer, model, body)
        return Response(found, media_type="application/octet-stream")

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
