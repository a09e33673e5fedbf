"""The network behind LitServe, for `bench_serving`: one worker, which batches what comes within a millisecond.

    python serving_litserve.py MODEL.onnx PORT

LitServe belongs to nobody's environment here; whoever has it has its FastAPI as well.
"""

import sys
from typing import Annotated, Any

import litserve  # type: ignore[import-not-found, unused-ignore]
import numpy as np
from fastapi import Depends, Request, Response

from serving_fastapi import SIZE, session


async def raw(request: Request) -> bytes:
    """The body as it came."""
    return await request.body()


class Api(litserve.LitAPI):  # type: ignore[misc, unused-ignore]
    """As its documentation writes one."""

    def setup(self, device: str) -> None:
        """In the worker."""
        del device
        self.session = session(sys.argv[1])

    def decode_request(self, request: Annotated[bytes, Depends(raw)]) -> Any:
        """One picture."""
        return np.frombuffer(request, np.uint8).reshape(3, SIZE, SIZE)

    def batch(self, inputs: Any) -> Any:
        """Several."""
        return np.stack(inputs)

    def predict(self, pictures: Any) -> Any:
        """Their answers."""
        return self.session.run(["logits"], {"images": pictures})[0]

    def unbatch(self, output: Any) -> Any:
        """One by one."""
        return list(output)

    def encode_response(self, output: Any) -> Response:
        """Its bytes."""
        return Response(output.tobytes(), media_type="application/octet-stream")


if __name__ == "__main__":
    api = Api(max_batch_size=8, batch_timeout=0.001)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="error", generate_client_file=False)
