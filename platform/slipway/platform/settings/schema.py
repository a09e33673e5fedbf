"""The settings: their names, types, defaults and what each is for.

A context is one value of this schema. Nothing here reads files or the environment; `load` does. Paths and `sqlite:`
addresses that are relative are relative to the project's root, so that a command means the same from every folder.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
ImageByDigest = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@sha256:[0-9a-f]{64}$")]
KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]

SQLITE = "sqlite:///"


class Section(BaseModel):
    """A table of settings: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


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
    branch: str = Field(default="slipway/data", min_length=1)
    """The git branch that flows commit `data.dvc` on; never one that somebody has checked out."""
    deliveries: str | None = None
    """Where new days arrive: a directory, or `s3://bucket/prefix`, with a folder for each; unset means nowhere."""


class MLflow(Section):
    """The record of experiments and models."""

    tracking_uri: str = "sqlite:///.slipway/mlflow.db"
    """A server's address, or a SQLite file for work without a server."""
    username: str | None = None
    """User for a server with basic authentication."""
    password: SecretStr | None = None
    """Password for a server with basic authentication."""
    webhook_secret: SecretStr | None = None
    """What a server signs its webhooks with, so that `slipway model guard` believes them."""
    database: str | None = None
    """What a server keeps its records in (`sqlite:///…` or `postgresql://…`), for `slipway backup`; unset means the
    file that `tracking_uri` names."""
    artifacts: str | None = None
    """Where a server keeps artefacts, for `slipway backup`: a directory, or `s3://bucket/prefix`."""


class Kubernetes(Section):
    """The cluster that targets with `launcher = "kubernetes"` use."""

    kubeconfig: Path | None = None
    """Credentials file; unset means the usual chain: KUBECONFIG, the home folder, the pod's own account."""
    context: str | None = None
    """Context inside that file; unset means its current one."""
    namespace: KubernetesName = "slipway"
    """Where Jobs are created."""
    image: ImageByDigest | None = None
    """What jobs run in, by digest, as `make images` prints it; a target may name another."""
    service_account: KubernetesName = "slipway-job"
    """Whom jobs run as; its token is not given to them."""
    secret: KubernetesName | None = "slipway-runner"  # noqa: S105 - a name
    """The Secret with the runner's own credentials, under the names of their variables; unset where there are none."""
    ttl_hours: float = Field(default=24.0, gt=0)
    """How long an ended Job stays in the cluster."""


class Airflow(Section):
    """The scheduler of flows."""

    url: str | None = None
    """Address of the API server; unset means that this context has none."""
    username: str | None = None
    """User for its API."""
    password: SecretStr | None = None
    """Password for its API."""
    target: KubernetesName = "local"
    """Where flows train, unless a run names another target."""
    snapshot: str = ""
    """What flows train on, unless a run names other data: a git revision, such as the branch that `ingest` commits to;
    empty means what `data.dvc` names."""
    garbage: bool = False
    """Whether the flow `reconcile` also removes objects that no known snapshot needs, as `slipway data gc` does."""


class Identity(Section):
    """Who acts, with which key, and who is trusted."""

    person: str | None = None
    """Name of the acting person or service; unset means the only key that there is, or of several the only person's."""
    keys: Path = Path("~/.config/slipway/keys")
    """Folder of private keys (0700, files 0600)."""
    signer: str | None = None
    """Address of a key that never leaves its vault, such as `awskms:alias/slipway`; unset means a key in `keys`."""
    people: Path = Path(".slipway/people.toml")
    """The people and services that are trusted, with their roles and public keys; reviewed like code."""


class Jobs(Section):
    """How patient launchers and runners are."""

    silence_seconds: float = Field(default=180.0, gt=0)
    """Silence of an attempt from which it counts as lost."""
    stall_seconds: float = Field(default=1800.0, gt=0)
    """An attempt that lives without progress for so long counts as stalled."""
    grace_seconds: float = Field(default=60.0, gt=0)
    """Time for a checkpoint between being asked to stop and being stopped."""
    pending_seconds: float = Field(default=900.0, gt=0)
    """How long a job may wait for what waiting will hardly mend: an image that is missing, a node that nobody has."""
    retries: int = Field(default=2, ge=0, le=100)
    """How often lost or stalled work is taken up again; being moved elsewhere does not count."""
    leftovers_hours: float = Field(default=1.0, ge=0)
    """How long what an ended attempt left in a launcher stays before `slipway jobs reconcile` deletes it."""
    secrets: Path = Path("~/.config/slipway/secrets")
    """Folder of secrets that local jobs may ask for (0700), a file each (0600), called after the variable."""


class Expiries(Section):
    """How many days the channel's signatures are good for."""

    root: int = Field(default=730, ge=1)
    """Whose keys count; signed by two holders of offline keys."""
    targets: int = Field(default=365, ge=1)
    """Who signs models and channels; signed by the same two."""
    models: int = Field(default=365, ge=1)
    """The releases; signed by a releaser."""
    channels: int = Field(default=90, ge=1)
    """What devices should run; signed by the rollout service."""
    snapshot: int = Field(default=14, ge=1)
    """Which of all these belong together."""
    timestamp: int = Field(default=14, ge=1)
    """Which snapshot is the newest."""


class Channel(Section):
    """The signed files that devices follow."""

    url: str = ".slipway/channel"
    """Where they are written: a directory, or `s3://bucket/prefix`; any static web server or CDN gives them out."""
    public_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where devices get them: a web server's address. The way back is drilled from there; unset means from `url`."""
    expiry_days: Expiries = Expiries()


class Retention(Section):
    """How long the fleet store keeps what devices told."""

    windows_days: int = Field(default=30, ge=1)
    """Counts, latencies and sketches as they came, by minutes."""
    hours_days: int = Field(default=400, ge=1)
    """The same added up by hours; days are kept for good."""
    samples_days: int = Field(default=90, ge=1)
    """Pictures that a policy asked for."""


class Fleet(Section):
    """The service that devices report to, and its store."""

    url: str = Field(default="http://127.0.0.1:8765", pattern=r"^https?://\S+$")
    """Where commands, people and devices find it."""
    database: str = "sqlite:///.slipway/fleet.db"
    """A SQLite file, or `postgresql://…`."""
    host: str = "127.0.0.1"
    """The address that `slipway fleet serve` listens at."""
    port: int = Field(default=8765, ge=0, le=65535)
    """Its port; 0 takes a free one."""
    report_seconds: float = Field(default=60.0, ge=1)
    """How often a device reports."""
    silent_minutes: float = Field(default=15.0, gt=0)
    """A device that has said nothing for so long counts as silent."""
    requests_per_minute: int = Field(default=120, ge=1)
    """Of one device, or of one address that has not said who it is."""
    plan: Path | None = None
    """The plan of rollouts of models that bring none; unset means that a person leads those."""
    retention: Retention = Retention()


class Watch(Section):
    """When what a model sees in the field counts as drift."""

    days: int = Field(default=7, ge=3, le=28)
    """So many of the latest full days are looked at, and as many of the first ones of the release."""
    day_hours: float = Field(default=24.0, gt=0, le=24)
    """How long a day is; less than 24 is for trying things out, for the hours of one day are not alike."""
    floor: float = Field(default=0.2, gt=0, lt=1)
    """Share of values that must lie elsewhere than in the reference; what is less is no drift however sure it is."""
    outcome_floor: float = Field(default=0.05, gt=0, lt=1)
    """How much less often than at the gate decisions must be right."""
    false_alarms: float = Field(default=0.01, gt=0, lt=1)
    """How likely at most a look at a field that is as the floor allows finds drift, over all measures."""
    cool_days: float = Field(default=14.0, ge=0)
    """So long after an alarm, and as long as its labelling task is open, the same release raises no other."""
    labels: int = Field(default=100, ge=1)
    """How many labels are asked for where there is drift."""


class Notices(Section):
    """Who hears of what needs a person."""

    urls: tuple[SecretStr, ...] = ()
    """Addresses as Apprise takes them, such as `mailto://…`; each has a password in it, so each is a secret."""
    repeat_hours: float = Field(default=24.0, gt=0)
    """How often the same cause is told again while it lasts."""


class Toleration(Section):
    """A taint that a job may run beside."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


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
    max_nodes: int = Field(default=8, ge=1, le=1000)
    """Nodes that one job may ask for."""
    slots: int = Field(default=1, ge=1)
    """How much flows train here at once: the slots of Airflow's pool."""
    deadline_hours: float | None = Field(default=None, gt=0)
    """How long one attempt may run; unset means as long as it takes."""
    secrets: dict[str, str] = {}
    """What jobs here may ask for: a variable's name, with where its value is. On Kubernetes `secret-name/key`; locally
    the name of a file in `jobs.secrets`."""
    image: ImageByDigest | None = None
    """Kubernetes: another image than `kubernetes.image`."""
    gpu_resource: str = "nvidia.com/gpu"
    """Kubernetes: what the devices are called in a node's resources."""
    node_selector: dict[str, str] = {}
    """Kubernetes: labels of the nodes that qualify."""
    tolerations: tuple[Toleration, ...] = ()
    """Kubernetes: taints of those nodes."""
    queue: KubernetesName | None = None
    """Kubernetes: Kueue's LocalQueue; a job then starts suspended, until it is admitted."""
    priority_class: KubernetesName | None = None
    """Kubernetes: the PriorityClass."""
    ephemeral_gib: float = Field(default=20.0, gt=0)
    """Kubernetes: disk of each node for data, code and checkpoints."""
    shm_gib: float = Field(default=1.0, gt=0)
    """Kubernetes: size of /dev/shm, part of the memory."""


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
    jobs: Jobs = Jobs()
    identity: Identity = Identity()
    channel: Channel = Channel()
    fleet: Fleet = Fleet()
    notices: Notices = Notices()
    watch: Watch = Watch()
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
                "channel": self.channel.model_copy(update={"url": address(self.channel.url)}),
                "data": self.data.model_copy(
                    update={
                        "remote": address(self.data.remote),
                        "cache": place(self.data.cache),
                        "deliveries": None if self.data.deliveries is None else address(self.data.deliveries),
                    }
                ),
                "fleet": self.fleet.model_copy(
                    update={
                        "database": address(self.fleet.database),
                        "plan": None if self.fleet.plan is None else place(self.fleet.plan),
                    }
                ),
                "mlflow": self.mlflow.model_copy(
                    update={
                        "tracking_uri": address(self.mlflow.tracking_uri),
                        "database": self.mlflow.database and address(self.mlflow.database),
                        "artifacts": self.mlflow.artifacts and address(self.mlflow.artifacts),
                    }
                ),
                "kubernetes": self.kubernetes.model_copy(
                    update={"kubeconfig": None if kubeconfig is None else place(kubeconfig)}
                ),
                "jobs": self.jobs.model_copy(update={"secrets": place(self.jobs.secrets)}),
                "identity": self.identity.model_copy(
                    update={"keys": place(self.identity.keys), "people": place(self.identity.people)}
                ),
            }
        )
