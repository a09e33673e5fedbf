"""What a submission would send, as YAML: a cluster's objects, or the processes that would be started here."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from slipway.platform.jobs.api import Desk
    from slipway.platform.jobs.launchers.contract import Assignment
    from slipway.platform.jobs.submitting.placing import Placement
    from slipway.platform.jobs.submitting.planning import Planned
    from slipway.platform.runs.standing import Standing
    from slipway.training.cli.asking import Said

RUNNER: Final = "slipway.platform.jobs.runner"


def rendered(planned: "Planned", desk: "Desk", placement: "Placement", said: "Said", now: "Standing") -> str:
    """For reading and for `kubectl`: what follows on `now`. Only the attempt's nonce is made anew when it is sent."""
    assignment = _assignment(planned, desk, placement, said, now)
    target = desk.loaded.settings.targets[placement.target]
    if target.launcher == "kubernetes":
        from slipway.platform.jobs.launchers.kubernetes.manifest import render_yaml

        return render_yaml(assignment, target, desk.loaded.settings, desk.loaded.root)
    return _local(assignment)


def _assignment(
    planned: "Planned", desk: "Desk", placement: "Placement", said: "Said", now: "Standing"
) -> "Assignment":
    """The attempt that would be made."""
    from slipway.platform.jobs.launchers.contract import Assignment
    from slipway.platform.runs.attempts import why_next
    from slipway.platform.runs.names import generated
    from slipway.platform.runs.records import AttemptSpec, Place

    settings = desk.loaded.settings
    target = settings.targets[placement.target]
    request = said.request(desk.loaded)
    job = placement.on(planned.job(fresh=said.again, patch=request.patch), settings, target)
    name = said.name or (now.spec.name if now.spec else next(generated(planned.key)))
    spec = AttemptSpec(
        nonce=uuid.uuid4().hex,
        number=now.number + 1,
        submitted_by=request.submitted_by,
        created=datetime.now(UTC),
        place=Place(target=placement.target, host=desk.here.host if target.launcher == "local" else ""),
        why=why_next(now, again=said.again),
        name=name,
        note=said.note,
        tags=dict(said.tags),
        team=planned.model.team,
        kind=planned.kind,
        revision=request.revision,
        job=job.digest,
    )
    return Assignment(job, spec)


def _local(assignment: "Assignment") -> str:
    import yaml

    job = assignment.job
    command = ["python", "-m", RUNNER, job.key, "--attempt", str(assignment.number)]
    told: dict[str, Any] = {
        "runners": [" ".join([*command, "--node", str(node)]) for node in range(job.nodes)],
        "processes": job.processes,
        "attempt": assignment.attempt.model_dump(mode="json"),
        "job": job.model_dump(mode="json", exclude={"patch"}),
    }
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1000)
