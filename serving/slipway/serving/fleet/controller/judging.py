"""What should happen to a wave: a pure function of its plan and of what is known.

Harm beyond a limit that is shown undoes the release, whenever it is shown. More devices get it only once enough was
seen, for long enough, and harm beyond each limit is excluded. What is decided neither way when the deadline comes, a
sample that did not come together, a class of devices that does not come to run it, and devices that fell silent, pause
it: then a person looks.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from slipway.serving.fleet.controller.comparing import compared
from slipway.serving.fleet.controller.differences import FEW
from slipway.serving.fleet.controller.evidence import Bools, Evidence, Seen
from slipway.serving.fleet.controller.judgement import Compared, Finding, Judgement, Numbers, What
from slipway.serving.fleet.notices.telling import told_devices
from slipway.serving.release.plan import Plan, PlannedWave, span_told

UNDECIDED = (Finding.OPEN, Finding.AGAINST)


def judge(plan: Plan, wave: PlannedWave, evidence: Evidence, now: datetime) -> Judgement:
    """Advance, hold, pause or undo."""
    numbers = numbers_of(plan, wave, evidence)
    harm = [one for one in numbers.compared if one.finding is Finding.HARM]
    if harm:
        return Judgement(What.UNDO, f"harm beyond the limit is shown: {_told(harm)}", numbers)
    late = now - evidence.began >= wave.deadline
    waits = What.PAUSE if late else What.HOLD
    deadline = f"the deadline ({span_told(wave.deadline)}) is over, and " if late else ""
    if late and (why := _silent(plan, numbers)):
        return Judgement(What.PAUSE, f"{deadline}{why}", numbers)
    if why := _too_little(wave, numbers):
        return Judgement(waits, f"{deadline}{why}", numbers)
    if why := _behind_told(numbers):
        return Judgement(waits, f"{deadline}{why}", numbers)
    if undecided := [one for one in numbers.compared if one.finding in UNDECIDED]:
        return Judgement(waits, f"{deadline}harm is not excluded: {_told(undecided)}", numbers)
    return Judgement(What.ADVANCE, _good(plan, wave, numbers), numbers)


def numbers_of(plan: Plan, wave: PlannedWave, evidence: Evidence) -> Numbers:
    """How much was seen, and all comparisons."""
    rows, devices = evidence.rows, evidence.devices
    seconds = np.bincount(rows.device[rows.treated], rows.seconds[rows.treated], len(devices))
    members = np.array([one.in_wave for one in devices], dtype=np.bool_)
    return Numbers(
        wave_devices=int(members.sum()),
        running=int((members & (seconds > 0)).sum()),
        soaked=int((members & (seconds >= wave.soak.total_seconds())).sum()),
        decisions=int(rows.decisions[rows.treated].sum()),
        exposure_hours=float(seconds.sum()) / 3600,
        silent=sum(one.in_wave and one.silent for one in devices),
        reverted=sum(one.reverted for one in devices),
        behind={} if evidence.shadow else _behind(devices, seconds > 0),
        compared=compared(evidence, plan.limits),
    )


def _behind(devices: Sequence[Seen], ran: Bools) -> dict[str, tuple[int, int]]:
    """Classes of which fewer than half run it, of those that are heard and did not go back."""
    told, running = Counter[str](), Counter[str]()
    for one, runs in zip(devices, ran.tolist(), strict=True):
        if one.in_wave and not one.silent and not one.reverted:
            told[one.device_class] += 1
            running[one.device_class] += runs
    return {
        name: (running[name], count)
        for name, count in sorted(told.items())
        if count >= FEW and running[name] * 2 < count
    }


def _behind_told(numbers: Numbers) -> str:
    return "; ".join(
        f"{running:,} of {told:,} devices of the class {name} run it"
        for name, (running, told) in numbers.behind.items()
    )


def _silent(plan: Plan, numbers: Numbers) -> str:
    limit = plan.limits.silent
    if limit is None or numbers.silent <= limit * numbers.wave_devices:
        return ""
    return f"{numbers.silent} of {numbers.wave_devices} devices of the wave are silent, at most {limit:.1%} may be"


def _too_little(wave: PlannedWave, numbers: Numbers) -> str:
    sample = wave.sample
    if numbers.soaked < sample.devices:
        return (
            f"{numbers.soaked:,} of {sample.devices:,} devices have run it for {span_told(wave.soak)} "
            f"({numbers.running:,} run it, {numbers.exposure_hours:,.1f} h in all)"
        )
    if numbers.decisions < sample.decisions:
        return f"{numbers.decisions:,} of {sample.decisions:,} decisions are there"
    return ""


def _told(found: Sequence[Compared]) -> str:
    worst = max(found, key=lambda one: one.e)
    more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{worst.told}{more}"


def _good(plan: Plan, wave: PlannedWave, numbers: Numbers) -> str:
    thin = [one.slice or one.measure for one in numbers.compared if one.finding is Finding.THIN]
    rest = f"; too small to say: {', '.join(dict.fromkeys(thin))}" if thin else ""
    if alone := [name for name in _limited(plan, wave) if name not in {one.measure for one in numbers.compared}]:
        rest += f"; with nothing to be compared with: {', '.join(alone)}"
    return (
        f"{told_devices(numbers.soaked)} ran it for {span_told(wave.soak)}, {numbers.decisions:,} decisions, "
        f"and harm beyond the limits is excluded{rest}"
    )


def _limited(plan: Plan, wave: PlannedWave) -> list[str]:
    """What the plan has limits for in this wave, besides devices that go back or fall silent."""
    limits = plan.limits
    served = {"errors": limits.errors, "duration": limits.latency, "divergence": limits.divergence}
    wanted = {"disagreement": limits.disagreement} if wave.kind == "shadow" else served
    return [name for name, limit in wanted.items() if limit is not None]
