"""Starting a rollout: today's champion becomes a release.

First everything that speaks against it is looked for, and the way back is drilled; then the ledger's entry is written,
which names the release that it replaces; then the channel is made equal to the ledger. Whoever is killed anywhere runs
it again: the champion is released once, whatever races.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.identity import Role
from slipway.platform.ledger.entry import Action
from slipway.platform.ledger.rights import check_right
from slipway.platform.registry.bundles import fetched
from slipway.platform.registry.decisions import RELEASE, VERDICT, About
from slipway.platform.registry.desk import Desk, Refused
from slipway.platform.registry.finding import Picked, pick, whole
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import Manifest
from slipway.serving.bundle.verifying import verify
from slipway.serving.channel.paths import MODELS_ROLE
from slipway.serving.channel.pointer import Wave
from slipway.serving.errors import SlipwayError
from slipway.serving.release import wording
from slipway.serving.release.converging import Converged, Told, converge
from slipway.serving.release.deciding import asked_before, check_counts, decide, refused
from slipway.serving.release.drilling import Drill, drill
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.metering import Meter
from slipway.serving.release.opening import Sides
from slipway.serving.release.plan import Plan
from slipway.serving.release.rollouts import NO_MINIMUM, Released, Rollout
from slipway.serving.release.rules import (
    BASE,
    FLOOR,
    MINIMUM_AGENT,
    PLAN,
    WAVE,
    Against,
    against_bundle,
    against_frozen,
)
from slipway.serving.release.tuf_repository import TufRepository

ASKED: Final = Action.RELEASE.value
_RELEASE: Final = re.compile(r"models/(?P<model>[^/]+)/[^/]+/(?P<number>[0-9]{1,15})\.release\.json")


@dataclass(frozen=True)
class Wanted:
    """How a rollout is to begin."""

    wave: Wave = Wave()  # noqa: RUF009 - frozen
    minimum_agent: str = NO_MINIMUM
    request: str | None = None
    plan: Plan | None = None
    """By which it goes; the wave is its first one."""
    said: bool = False
    """Whether somebody said the wave or the plan; else the same release in any wave is what is wanted."""

    def otherwise(self, there: Released, wave: Wave) -> str:
        """What of it a release that is there does not do; empty where it is as wanted."""
        asked, model = self.wave, there.model
        if self.plan is not None:
            if self.said and there.plan != self.plan:
                return f"It goes by {'another' if there.plan else 'no'} plan, and that stays so for this release."
        elif (self.said or asked != Wave()) and asked.model_copy(update={"seed": ""}) not in (
            there.wave.model_copy(update={"seed": ""}),
            wave.model_copy(update={"seed": ""}),
        ):
            if there.finished:
                return f"It is everybody's, and does not go {wording.wave(asked)}."
            cohort = f" --cohort {asked.cohort}" if asked.cohort else ""
            return (
                f"It goes {wording.wave(wave)}, not {wording.wave(asked)}: "
                f"`slipway rollout advance {model} --share {asked.share:g}{cohort}` changes that."
            )
        if self.minimum_agent not in (NO_MINIMUM, there.minimum_agent):
            return (
                f"It was signed for agents from {there.minimum_agent}, not {self.minimum_agent}, and that stays so for "
                "this release."
            )
        return ""


@dataclass(frozen=True)
class Outlook:
    """What a start would do, and what speaks against it."""

    picked: Picked
    rollout: Rollout
    number: int
    drilled: Drill | None
    against: tuple[Against, ...]

    @property
    def refusal(self) -> Refused | None:
        """What a start answers where something speaks against it."""
        return refused(self.against) if self.against else None

    @property
    def about(self) -> About:
        """What the ledger's entry is about."""
        record, last, base = self.picked.record, self.picked.version.promotions[-1], self.rollout.base_number
        named = {RELEASE: str(self.number), BASE: str(base or ""), FLOOR: str(base or 0)}
        verdict = last.entry.decision.subjects.get(VERDICT, "")
        return About(record.model, record.bundle, record.number, verdict, besides=named)


@dataclass(frozen=True)
class Started:
    """A release that is on its way, or everybody's already."""

    released: Released
    drilled: Drill | None
    """None where nothing was drilled: there is no way back yet, or it was released before."""
    converged: Converged
    before: bool
    """Whether it was released before."""
    otherwise: str = ""
    """What of the wish it does not do, where it was released before."""


def look(desk: Desk, given: str, sides: Sides, meter: Meter) -> Outlook:
    """What speaks against releasing it now. The way back is drilled where nothing else does."""
    picked = pick_champion(desk, given)
    rollout, standing = load_rollout(desk, picked.record.model)
    frozen = against_frozen(rollout, desk.now())
    against = [*([frozen] if frozen else []), *against_bundle(rollout, standing, picked.record.bundle)]
    if not against:
        against += _against_files(desk, picked)
    drilled = None
    if not against and rollout.base:
        drilled, why = drill_base(desk, sides, rollout.base, meter)
        against += why
    return Outlook(picked, rollout, number_for(rollout, sides.repository), drilled, tuple(against))


def start(desk: Desk, given: str, sides: Sides, wanted: Wanted, meter: Meter, told: Told) -> Started:
    """Release today's champion, or find it released."""
    picked = pick_champion(desk, given)
    model = picked.record.model
    if there := released_before(desk, picked, wanted):
        shown = _shown(desk, sides, model, told, meter)
        return Started(there, None, shown, before=True, otherwise=otherwise(desk, there, wanted))
    desk.acting(Role.RELEASER, picked.about(), ASKED)
    converge(desk, sides.repository, (model,), told=told, meter=meter)  # what was decided before, and not shown yet
    outlook = look(desk, given, sides, meter)
    if outlook.refusal is not None:
        desk.refuse(ASKED, picked.about(), outlook.refusal)
    if outlook.drilled is None:
        told(f"No release of {model} has reached all devices yet: there is no way back yet.")
    _, rollout = decide(desk, Action.RELEASE, outlook.about, request=wanted.request, details=_details(outlook, wanted))
    released = rollout.releases[outlook.number]
    return Started(released, outlook.drilled, _shown(desk, sides, model, told, meter), before=False)


def check_may(desk: Desk, picked: Picked) -> None:
    """Refuse who may not start it; the ledger is not told."""
    person = desk.signer.person
    check_right(picked.about().decided(Action.RELEASE, actor=person.name, nonce="-"), person)


def _shown(desk: Desk, sides: Sides, model: str, told: Told, meter: Meter) -> Converged:
    """What a person just decided, or decides once more; also where no base counts any more."""
    return converge(desk, sides.repository, (model,), emptying=True, told=told, meter=meter)[0]


def pick_champion(desk: Desk, given: str) -> Picked:
    """The version that is meant; a model's name alone means its champion."""
    return pick(desk, f"{given}@champion" if whole(given) else given)


def number_for(rollout: Rollout, repository: TufRepository) -> int:
    """The number of the next release: above all that the ledger counts, and all that a release key ever signed.

    One that is far above is nobody's next number, but somebody's attempt to leave us none.
    """
    listed = repository.metadata(MODELS_ROLE).signed.targets
    numbers = [number for path in listed if (number := release_number(rollout.model, path))]
    numbers = [number for number in numbers if number < rollout.number_limit]
    return max([rollout.next_number, *(number + 1 for number in numbers)])


def release_number(model: str, path: str) -> int | None:
    """The number in the path of what is said of one of this model's releases."""
    match = _RELEASE.fullmatch(path)
    return int(match["number"]) if match and match["model"] == model else None


def drill_base(desk: Desk, sides: Sides, base: Released, meter: Meter) -> tuple[Drill | None, list[Against]]:
    """Whether devices could be led back to the base."""
    with TemporaryDirectory(prefix="slipway-drill-") as made:
        trust, folder = Path(made, "trust"), Path(made, "bundle")
        trust.mkdir()
        folder.mkdir()
        try:
            return drill(sides.device(trust), base, folder, now=desk.now(), meter=meter), []
        except (SlipwayError, PlatformError) as error:
            why = f"the way back to release {base.number} does not hold: {str(error).removesuffix('.')}"
            mend = error.mend or "`slipway channel verify` says what is wrong."
            if sides.public:
                why = f"{why} (read at {sides.public}, where devices get it)"
                mend += (
                    "\nWhere `slipway channel verify` finds nothing wrong, that server gives out other files than were "
                    "written, or older ones: it must not keep `metadata/timestamp.json`."
                )
            return None, [Against(why, mend)]


def otherwise(desk: Desk, there: Released, wanted: Wanted) -> str:
    """What of a wish a release that is there does not do, by where it goes now."""
    rollout, _ = load_rollout(desk, there.model)
    return wanted.otherwise(there, rollout.wave if rollout.target_number == there.number else there.wave)


def released_before(desk: Desk, picked: Picked, wanted: Wanted) -> Released | None:
    """The release that this version is, where it is one that devices should run."""
    model = picked.record.model
    rollout, _ = load_rollout(desk, model)
    there = next((one for one in (rollout.target, rollout.base) if one and one.bundle == picked.record.bundle), None)
    asked = asked_before(desk, model, Action.RELEASE, wanted.request)
    too_late = rollout.why_void(asked.entry.number) if asked else None
    if asked is None or (there and (there.written == asked or too_late)):
        return there
    check_counts(asked, too_late)
    entry = asked.entry
    raise Refused(
        f"The request `{wanted.request}` wrote entry {entry.number}, a release of version "
        f"{entry.decision.subjects.get('version', '?')} of {model}, which is not on its way any more.",
        mend="If this one is wanted: a new request.",
    )


def _details(outlook: Outlook, wanted: Wanted) -> dict[str, object]:
    seed = f"{outlook.picked.record.bundle[:32]}-{outlook.number}"
    wave = wanted.wave.model_copy(update={"seed": seed})
    plan = {PLAN: wanted.plan.model_dump(mode="json")} if wanted.plan else {}
    return {WAVE: wave.model_dump(mode="json"), MINIMUM_AGENT: wanted.minimum_agent, **plan}


def _against_files(desk: Desk, picked: Picked) -> Iterator[Against]:
    """What speaks against the bundle as the store has it."""
    try:
        bundle = stored(desk, picked.record.bundle)
    except (SlipwayError, PlatformError) as error:
        yield Against(f"its bundle is not sound: {str(error).removesuffix('.')}", error.mend or "Export it again.")
        return
    yield from against_engines(bundle.manifest)


def stored(desk: Desk, digest: str) -> Bundle:
    """The bundle in the store, fetched and verified."""
    return verify(fetched(digest, desk.loaded, desk.store), digest=digest)


def against_engines(manifest: Manifest) -> Iterator[Against]:
    """Device classes that would run an engine of TensorRT, where no variant of theirs ever built one."""
    for name, device in manifest.devices.items():
        parts = [manifest.variants[variant] for variant in device.variants]
        engines = [part.engine for part in parts if part.engine is not None]
        if device.runtime != "tensorrt" or any(engine.built for engine in engines):
            continue
        problem = next((engine.problems[0] for engine in engines if engine.problems), "")
        told = f"TensorRT could not build it: {problem}" if engines else "it was exported where no TensorRT was"
        yield Against(
            f"device class `{name}` needs an engine of TensorRT for {' or '.join(device.variants)}, and "
            f"{told.removesuffix('.')}",
            "Export it on a machine with TensorRT (extra `tensorrt` of slipway-serving; `make test-tensorrt` shows "
            "whether it works there); that is a new bundle, which passes its gates anew.",
        )
