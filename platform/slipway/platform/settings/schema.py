"""The settings: their names, types, defaults and what each is for.

A context is one value of this schema. Nothing here reads files or the environment; `load` does. Paths and `sqlite:`
addresses that are relative are relative to the project's root, so that a command means the same from every folder.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]

SQLITE = "sqlite:///"


class Section(BaseModel):
    """A table of settings: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Store(Section):
    """Where records and artefacts live."""

    url: str = ".slipway/store"
    """A directory, or `s3://bucket/prefix`."""
    timeout_seconds: float = Field(default=30.0, gt=0)
    """How long one request may be silent before it counts as failed."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often a request is tried, with growing pauses, before the store counts as unreachable."""


class S3(Section):
    """How every `s3://` address of this context is reached; unset values follow the vendor's own chain."""

    endpoint: str | None = None
    """Address of an S3-compatible server; unset means the vendor's."""
    region: str | None = None
    """Region name; S3-compatible servers mostly ignore it."""
    access_key_id: str | None = None
    """Public half of static credentials."""
    secret_access_key: SecretStr | None = None
    """Secret half of static credentials."""


class Data(Section):
    """Snapshots."""

    remote: str = ".slipway/remote"
    """DVC's remote: a directory, or `s3://bucket/prefix`."""
    cache: Path = Path(".slipway/cache")
    """Where fetched shards are kept, shared by all processes of this machine."""


class MLflow(Section):
    """The record of experiments and models."""

    tracking_uri: str = "sqlite:///.slipway/mlflow.db"
    """A server's address, or a SQLite file for work without a server."""
    username: str | None = None
    """User for a server with basic authentication."""
    password: SecretStr | None = None
    """Password for a server with basic authentication."""


class Kubernetes(Section):
    """The cluster that targets with `launcher = "kubernetes"` use."""

    kubeconfig: Path | None = None
    """Credentials file; unset means the usual chain: KUBECONFIG, the home folder, the pod's own account."""
    context: str | None = None
    """Context inside that file; unset means its current one."""
    namespace: KubernetesName = "slipway"
    """Where Jobs are created."""


class Airflow(Section):
    """The scheduler of flows."""

    url: str | None = None
    """Address of the API server; unset means that this context has none."""
    username: str | None = None
    """User for its API."""
    password: SecretStr | None = None
    """Password for its API."""


class Identity(Section):
    """Who acts, with which key, and who is trusted."""

    person: str | None = None
    """Name of the acting person or service; unset means the only key that there is."""
    keys: Path = Path("~/.config/slipway/keys")
    """Folder of private keys (0700, files 0600)."""
    signer: str | None = None
    """Address of a key that never leaves its vault, such as `awskms:alias/slipway`; unset means a key in `keys`."""
    people: Path = Path(".slipway/people.toml")
    """The people and services that are trusted, with their roles and public keys; reviewed like code."""


class Target(Section):
    """A place to run jobs, with its price."""

    launcher: Literal["local", "kubernetes"] = "local"
    """Which launcher runs a job here."""
    accelerator: str = "cpu"
    """Kind of device: `cpu` or a GPU's product name, part of the run key."""
    gpus: int = Field(default=0, ge=0, le=16)
    """Devices in each node."""
    cpus: float | None = Field(default=None, gt=0)
    """Cores of each node; unset means all that there are."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of each node; unset means all that there is."""
    spot: bool = False
    """Whether the node may be taken away at short notice."""
    price_per_hour: Decimal = Field(default=Decimal(0), ge=0)
    """What one node costs in an hour."""
    currency: Currency = "USD"
    """The price's currency, three letters."""


class Settings(Section):
    """Everything that one context says."""

    protected: bool = False
    """Whether commands that change something here ask first, or want `--yes`."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """How much is told on standard error."""
    store: Store = Store()
    s3: S3 = S3()
    data: Data = Data()
    mlflow: MLflow = MLflow()
    kubernetes: Kubernetes = Kubernetes()
    airflow: Airflow = Airflow()
    identity: Identity = Identity()
    targets: dict[KubernetesName, Target] = {}
    """Named places to run jobs; `local` is built in."""

    def anchored(self, root: Path, home: Path) -> Self:
        """The same settings with `~` and relative places made absolute."""

        def place(path: Path) -> Path:
            parts = path.parts
            return home.joinpath(*parts[1:]) if parts[:1] == ("~",) else root / path

        def address(value: str) -> str:
            if value.startswith(SQLITE) and not value.startswith(SQLITE + "/"):
                return f"{SQLITE}{place(Path(value.removeprefix(SQLITE)))}"
            return value if "://" in value else str(place(Path(value)))

        kubeconfig = self.kubernetes.kubeconfig
        return self.model_copy(
            update={
                "store": self.store.model_copy(update={"url": address(self.store.url)}),
                "data": self.data.model_copy(
                    update={"remote": address(self.data.remote), "cache": place(self.data.cache)}
                ),
                "mlflow": self.mlflow.model_copy(update={"tracking_uri": address(self.mlflow.tracking_uri)}),
                "kubernetes": self.kubernetes.model_copy(
                    update={"kubeconfig": None if kubeconfig is None else place(kubeconfig)}
                ),
                "identity": self.identity.model_copy(
                    update={"keys": place(self.identity.keys), "people": place(self.identity.people)}
                ),
            }
        )
