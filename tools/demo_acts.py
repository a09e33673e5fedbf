"""What happens in the demo, act by act. Each returns what happened, and where to look."""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from demo_annotator import annotate
from demo_company import MODEL, RETRAIN, WATCH, ActFailed, Company
from demo_field import right_answers
from demo_pictures import DECIDED, draw_rollout
from slipway.pipelines.local.fleet import PLAN as USUAL_PLAN
from slipway.pipelines.local.founding.sites import set_scenario
from slipway.platform.settings import load

FIRST: Final = ("trainer.max_epochs=6",)
BETTER: Final = ("trainer.max_epochs=8",)
"""With the labels of the night."""
OLD: Final = ("trainer.max_epochs=10",)
"""Without them, and on every reviewed row as good as that one."""
BAY_FPS: Final = 4.0
WATCHED_DAY: Final = "0.00361"
"""Hours: a day of watching has 13 seconds here, in which each of these cameras sees all lights of a day."""
USUAL_DAYS: Final = 7
"""Of a release in its usual light, as many as are looked at; drift is what moves from there."""
DEVICES: Final = "4"
"""One that has a release first, and three to compare it with."""
PER_DAY: Final = "200"
FEW, MANY = "2", "10"
"""Per cent of the pictures that devices keep for labelling: usually, and when something new is to be seen."""
ALL_LIGHTS: Final = "baseline"
NIGHT: Final = "night-shift+heat"
"""Cameras that see what is warm, which no row of the data shows."""
CAREFUL: Final[Mapping[str, Any]] = {
    "name": "beside", "kind": "shadow", "cohort": "pilot", "frames": 1.0,
    "soak": "0m", "sample": {"decisions": 300}, "deadline": "30m",
}  # fmt: skip
"""A wave before all others: the first device asks the release, too, and goes on to answer with the one that it has."""
DIFFERENT: Final = 0.1
"""The share of pictures on which a release may say something else there."""
PLAN: Final = ".slipway/rollout.yaml"
"""In the project: how its releases go out."""

Act = Callable[["Demo"], tuple[str, str]]


@dataclass
class Demo:
    """The company, and what earlier acts left."""

    company: Company
    pictures: Path
    runs: dict[str, str] = field(default_factory=dict)
    """Airflow's runs of the retraining, by what they made."""
    exported: dict[str, dict[str, Any]] = field(default_factory=dict)
    task: str = ""
    released_at: float = 0.0
    """When the latest release was everybody's."""

    def slipway(self, words: str) -> str:
        """A command that the audience can type."""
        return f"cd {self.company.root}; HOME={Path.home()} .venv/bin/slipway {words}"

    def engines(self) -> str:
        """Per release and variant, whether TensorRT built an engine of it."""
        lines = [f"{'version':<8} {'variant':<10} {'engine':<44} {'MB':>6}"]
        for version, told in self.exported.items():
            for name, variant in told["variants"].items():
                engine = variant["engine"]
                built = (
                    "runs as ONNX"
                    if engine is None
                    else "; ".join(engine["problems"]) or f"built by {engine['tensorrt']}"
                )
                lines.append(f"{version:<8} {name:<10} {built:<44} {variant['bytes'] / 1e6:6.2f}")
        return "\n".join(lines) if self.exported else ""


def stack(demo: Demo) -> tuple[str, str]:
    """MLflow, Airflow, fleet service, channel, controller and devices."""
    plan_rollouts(demo)
    demo.company.run("local", "up", "--detach", "--agents", DEVICES)
    look(demo, ALL_LIGHTS, "days go by quickly")
    told = demo.company.ask("local", "status")
    running = [one for one in told["components"] if one["pid"]]
    memory = sum(one["memory_mb"] or 0 for one in running)
    happened = f"{len(running)} components are healthy, {memory:,} MB together; keys, people and a channel were made"
    return happened, demo.slipway("local status")


def first(demo: Demo) -> tuple[str, str]:
    """A model from its data to champion, through the scheduler, approved by a person."""
    airflow = demo.company.airflow
    run = airflow.trigger(RETRAIN, overrides=list(FIRST), cause="asked")
    version = champion(demo, run, "the first one, and good in every slice")
    keep(demo, FEW)
    happened = f"data {snapshot_of(demo, run)} became {MODEL}/{version}: {entries(demo, version)}"
    page = f"{airflow.address}/dags/{RETRAIN}/runs/{run}"
    return happened, f"{page} as {demo.company.reviewer}; {demo.slipway('ledger list')}"


def rollout(demo: Demo) -> tuple[str, str]:
    """The new champion wakes its rollout, which reaches the devices in two waves."""
    number = released(demo, list(demo.runs)[-1])
    waves = len(demo.company.decisions("advance"))
    happened = (
        f"release {number} was proven on the first device, then on all {len(demo.company.releases())}; the controller "
        f"led it on {waves} times by what they reported"
    )
    return happened, demo.slipway(f"rollout history {MODEL}")


def traced(demo: Demo) -> tuple[str, str]:
    """One decision of one device, back to rows, code, config and people."""
    event = last_answer(demo)
    decision = event["decision"]
    told = demo.company.ask("lineage", decision)
    kinds = [one["kind"] for one in told["nodes"]]
    wanted = {"decision", "device", "release", "version", "bundle", "run", "snapshot", "code", "config", "lock"}
    if missing := sorted(wanted - set(kinds)):
        raise ActFailed(f"the lineage of {decision} lacks {', '.join(missing)}: it has {sorted(set(kinds))}")
    demo.pictures.mkdir(parents=True, exist_ok=True)
    picture = demo.pictures / "lineage.svg"
    demo.company.run("lineage", decision, "-o", "svg", "--output", str(picture))
    happened = f"`{event['answer']}`, said of {event['stream']}, leads back over {len(kinds)} things to rows and people"
    return happened, f"{demo.slipway(f'lineage {decision}')}; {picture}"


def night(demo: Demo) -> tuple[str, str]:
    """The cameras see nothing but night; watching finds it, and what is wanted is labels."""
    company = demo.company
    usual = USUAL_DAYS * float(WATCHED_DAY) * 3600
    company.until(lambda: time.time() - demo.released_at > usual, "the usual light was seen for a week of short days")
    look(demo, NIGHT, "the night shift begins")
    keep(demo, MANY)

    def drift() -> dict[str, Any] | None:
        run = company.airflow.trigger(WATCH)
        company.airflow.succeed(WATCH, run)
        told = company.airflow.told(WATCH, run, "watch")
        return told if "task" in told["values"] else None

    told = company.until(drift, "enough of the night was seen to tell it from chance")
    demo.task = told["values"]["task"]
    demo.pictures.mkdir(parents=True, exist_ok=True)
    shutil.copy(told["links"]["picture"], demo.pictures / "drift.png")
    happened = f"{told['line']}. Of the latest answers {right(demo):.0%} are right"
    return happened, f"{demo.slipway(f'data label show {demo.task}')}; {demo.pictures / 'drift.png'}"


def labelled(demo: Demo) -> tuple[str, str]:
    """Two people label what devices kept; the model is trained again for that, and goes out."""
    company = demo.company
    folder = company.root / ".slipway/labels"
    before = right(demo)
    one, other = (annotate(company, demo.task, author, folder) for author in ("ben", "cleo"))
    disputed = company.ask("data", "label", "show", demo.task, "--snapshot", "slipway/data")["disputed"]
    run = company.airflow.trigger(RETRAIN, overrides=list(BETTER), cause="drift", snapshot="slipway/data")
    version = champion(demo, run, "holds against the champion, also at night")
    number = released(demo, version)
    now = right(demo)
    if now <= before:
        raise ActFailed(f"the labels helped nobody: {now:.0%} of the answers are right, {before:.0%} before")
    happened = (
        f"ben and cleo labelled {one.pictures} pictures of the night ({one.errors} and {other.errors} errors, "
        f"{disputed} disputed); {MODEL}/{version} was trained on them and is release {number}: of its answers "
        f"{now:.0%} are right, before {before:.0%} were"
    )
    return happened, demo.slipway(f"why {demo.runs[version]}")


def bad(demo: Demo) -> tuple[str, str]:
    """A model of the data from before the night passes its gates, which ask for no such picture.

    From now on every release is first asked beside the one that answers. The first device sees how often the two
    differ, the controller holds the wave, and what was released is undone before it has answered anything.
    """
    company = demo.company
    plan_rollouts(demo, CAREFUL)
    before = company.releases()
    run = company.airflow.trigger(RETRAIN, overrides=list(OLD), cause="asked")
    version = champion(demo, run, "trained longer")
    number = int(company.until(lambda: on_its_way(demo, version), "its rollout begins"))
    why = str(company.until(lambda: holding(demo), "the controller has seen enough of it"))
    company.run("rollback", MODEL, "--reason", why, "--yes")
    company.until(lambda: company.releases() == before and not company.shadows(), "all devices are as before")
    ran = [one for one in company.ask("fleet", "history")["ran"] if one["model"] == MODEL]
    decided = company.decisions(*DECIDED)
    draw_rollout(ran, decided, f"{MODEL}: which release ran where", demo.pictures / "rollout.png")
    happened = (
        f"{MODEL}/{version} passed its gates and ran as release {number} beside what answers on the first device; the "
        f"controller held the wave ({why}), and it was undone: champion, channel and devices are as before"
    )
    return happened, f"{demo.slipway(f'rollout history {MODEL}')}; {demo.pictures / 'rollout.png'}"


ACTS: Final[tuple[tuple[str, Act], ...]] = (
    ("stack", stack),
    ("the first champion", first),
    ("rollout", rollout),
    ("one decision traced", traced),
    ("night", night),
    ("labels, again to champion", labelled),
    ("a bad release", bad),
)


def look(demo: Demo, scenario: str, reason: str) -> None:
    """What all cameras see from now on."""
    loaded = load(demo.company.root, {**demo.company.environ, "SLIPWAY_IDENTITY__PERSON": demo.company.reviewer})
    set_scenario(loaded, scenario, reason=reason, bay_fps=BAY_FPS)


def keep(demo: Demo, share: str) -> None:
    """So many of the pictures do devices keep for labelling from now on."""
    demo.company.run("rollout", "sample", MODEL, "--per-day", PER_DAY, "--share", share, "--yes")


def champion(demo: Demo, run: str, reason: str) -> str:
    """See a run to its champion, with the approval given on its page; the version."""
    airflow = demo.company.airflow
    airflow.approve(RETRAIN, run, reason)
    airflow.succeed(RETRAIN, run)
    steps = ("train", "register")
    values = {name: one for step in steps for name, one in airflow.told(RETRAIN, run, step)["values"].items()}
    version = str(values["version"])
    demo.runs[version] = values["run"]
    demo.exported[version] = demo.company.ask("export", values["run"])
    return version


def snapshot_of(demo: Demo, run: str) -> str:
    """The snapshot of a run, in short."""
    return str(demo.company.airflow.told(RETRAIN, run, "snapshot")["values"]["snapshot"])[:12]


def entries(demo: Demo, version: str) -> str:
    """Who decided what about a version."""
    told = demo.company.decisions("register", "approve", "promote")
    return ", ".join(f"{one['action']} by {one['actor']}" for one in told if one["subjects"]["version"] == version)


def released(demo: Demo, version: str) -> int:
    """Wait until every device runs the release of a version for good; its number."""

    def done() -> int:
        status = demo.company.ask("rollout", "status", MODEL)
        base, target = status["base"], status["target"]
        running = demo.company.releases().values()
        if not base or base["version"] != version or target:
            return 0
        return base["number"] if all(one == (base["number"], "settled") for one in running) else 0

    number = int(demo.company.until(done, "all devices run it for good"))
    demo.released_at = time.time()
    return number


def right(demo: Demo) -> float:
    """How many of the latest answers with the release that is everybody's are right."""
    number = demo.company.ask("rollout", "status", MODEL)["base"]["number"]
    return float(demo.company.until(lambda: right_answers(demo.company, number), "devices have answered often enough"))


def on_its_way(demo: Demo, version: str) -> int:
    """The number of a version's release while it is on its way."""
    target = demo.company.ask("rollout", "status", MODEL)["target"]
    return int(target["number"]) if target and target["version"] == version else 0


def holding(demo: Demo) -> str:
    """Why the controller holds the wave though its sample is there; empty while nothing speaks against it."""
    judgement = demo.company.ask("rollout", "watch", MODEL)["judgement"]
    compared = judgement["numbers"]["compared"] if judgement else []
    return str(judgement["why"]) if any(one["measure"] in judgement["why"] for one in compared) else ""


def plan_rollouts(demo: Demo, *first: Mapping[str, Any]) -> None:
    """How releases go out from now on: in these waves, then as in every local stack."""
    plan = yaml.safe_load(USUAL_PLAN.read_text())
    plan["waves"] = [*first, *plan["waves"]]
    plan["limits"]["disagreement"] = DIFFERENT
    (demo.company.root / PLAN).write_text(yaml.safe_dump(plan, sort_keys=False))


def last_answer(demo: Demo) -> dict[str, Any]:
    """The newest answer in a device's own events."""
    events = demo.company.root / ".slipway/local/devices/north-2/events.jsonl"

    def found() -> dict[str, Any]:
        lines = [json.loads(line) for line in events.read_text().splitlines()[-200:] if line.endswith("}")]
        return next((one for one in reversed(lines) if one["event"] == "answer"), {})

    answer: dict[str, Any] = demo.company.until(found, "a device has decided something")
    return answer
