"""An MLflow in memory that keeps the runs it is told of, for tests of jobs that only ask how many there are.

It answers what the tracker asks and checks nothing: how MLflow itself behaves, the tracker's own tests ask a real one.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

EXPERIMENT = {"experiment_id": "1", "lifecycle_stage": "active"}


class FakeMlflow(ThreadingHTTPServer):
    """Listens on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, dict[str, Any]] = {}
        self.turn = threading.Lock()

    @property
    def address(self) -> str:
        """For the settings."""
        return f"http://127.0.0.1:{self.server_port}"

    def runs_of(self, value: str) -> list[dict[str, Any]]:
        """The active runs that have a tag of this value."""
        with self.turn:
            return [
                run
                for run in self.runs.values()
                if run["info"]["lifecycle_stage"] == "active" and any(t["value"] == value for t in run["data"]["tags"])
            ]

    def listed(self) -> list[tuple[str, str]]:
        """Name and status of every active run, in their order."""
        with self.turn:
            told = [run["info"] for run in self.runs.values() if run["info"]["lifecycle_stage"] == "active"]
        return sorted((info["run_name"], info["status"]) for info in told)

    def answer(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        """What MLflow would say."""
        match verb:
            case "experiments/create" | "experiments/get-by-name":
                return {**EXPERIMENT, "experiment": EXPERIMENT}
            case "runs/search":
                return {"runs": self.runs_of(asked["filter"].split("'")[1])}
            case "runs/create":
                return {"run": self._create(asked)}
            case "runs/get":
                return {"run": self.runs[asked["run_id"]]}
            case "runs/delete":
                self.runs[asked["run_id"]]["info"]["lifecycle_stage"] = "deleted"
            case "runs/update":
                self.runs[asked["run_id"]]["info"].update(status=asked["status"])
            case "runs/log-batch":
                self._tag(self.runs[asked["run_id"]], asked.get("tags", ()))
        return {}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = uuid.uuid4().hex
        info = {
            "run_id": name, "experiment_id": "1", "run_name": asked["run_name"], "lifecycle_stage": "active",
            "status": "RUNNING", "artifact_uri": f"mlflow-artifacts:/1/{name}", "start_time": asked["start_time"],
        }  # fmt: skip
        with self.turn:
            self.runs[name] = {"info": info, "data": {"tags": list(asked["tags"])}}
        return self.runs[name]

    def _tag(self, run: dict[str, Any], tags: Any) -> None:
        known = {one["key"]: one for one in run["data"]["tags"]} | {one["key"]: one for one in tags}
        run["data"]["tags"] = list(known.values())


class _Handler(BaseHTTPRequestHandler):
    server: FakeMlflow

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        verb = url.path.partition("/mlflow/")[2]
        asked = json.loads(body) if body and verb else {name: value[0] for name, value in parse_qs(url.query).items()}
        told = json.dumps(self.server.answer(verb, asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody wants to read it."""


@contextmanager
def fake_mlflow() -> Iterator[FakeMlflow]:
    """One that runs."""
    with FakeMlflow() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
