"""The MLflow server of the local stack: the project's own record, served on loopback, as slim as it gets.

It serves the file that the context `local` uses without a stack, and keeps artefacts where that does, so nothing is
recorded in two places: with the stack there is a server and its pages, without it the same runs are there as a file.
"""

from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.component import Component, http
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.ports import LOOPBACK, Ports
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

GROUP: Final = "mlflow"
USUAL_PORT: Final = 5000
SLIM: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
SQLITE: Final = "sqlite:///"


def components(place: Place, loaded: "Loaded", ports: Ports) -> list[Component]:
    """The server."""
    from slipway.platform.runs.tracking.tracker import ARTIFACTS

    database = loaded.settings.mlflow.tracking_uri
    if not database.startswith(SQLITE):
        raise WrongUse(
            f"mlflow.tracking_uri is {database}: a server that this project uses already, and the stack serves a file.",
            mend="Start the others: slipway local up --only airflow,fleet",
        )
    artefacts = str(loaded.root / ARTIFACTS)
    port = ports.take("mlflow", USUAL_PORT)
    address = f"http://{LOOPBACK}:{port}"
    command = [
        place.program("mlflow"), "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1",
        "--backend-store-uri", database,
        "--default-artifact-root", artefacts, "--no-serve-artifacts",
        "--uvicorn-opts", "--log-level warning",
    ]  # fmt: skip
    return [
        Component(
            name="mlflow",
            group=GROUP,
            command=command,
            folder=place.folder,
            environ=place.environ(**SLIM),
            ready=http(f"{address}/health"),
            address=address,
            settings={
                "mlflow.tracking_uri": address,
                "mlflow.database": database,  # for `slipway backup`, whom a server does not tell
                "mlflow.artifacts": artefacts,
            },
        )
    ]
