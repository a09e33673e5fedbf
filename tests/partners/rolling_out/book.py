"""Entries of a ledger without keys and store, for tests of what is folded from them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.platform.ledger.entry import Action, Decision, Entry, Written
from slipway.platform.registry.standing import ModelStanding
from slipway.serving.channel.pointer import Pointer
from slipway.serving.release.folding import folded
from slipway.serving.release.rollouts import Rollout, pointer_of

A, B, C = "a" * 64, "b" * 64, "c" * 64
NUMBERS = {A: "1", B: "2", C: "3"}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Book:
    """Entries, one a day unless they come faster."""

    def __init__(self, every: timedelta = timedelta(days=1)) -> None:
        self.every = every
        self.entries: list[Written] = []

    def decide(
        self, action: Action, by: str, details: dict[str, Any] | None = None, /, model: str = "birds", **subjects: Any
    ) -> Written:
        number = len(self.entries) + 1
        decision = Decision(
            action=action,
            model=model,
            subjects={name: str(value) for name, value in subjects.items() if value is not None},
            actor=by,
            nonce=str(number),
            reason="because",
            details=details or {},
        )
        entry = Entry(number=number, previous="", at=self.next_at, decision=decision)
        self.entries.append(Written(entry, by, "d", f"{by}@example.com"))
        return self.entries[-1]

    @property
    def next_at(self) -> datetime:
        """When the next entry is written."""
        return START + self.every * len(self.entries)

    def ahead(self, days: float) -> str:
        """So many days after the next entry."""
        return (self.next_at + timedelta(days=days)).isoformat()

    @property
    def rollout(self) -> Rollout:
        return folded("birds", self.entries)[0]

    @property
    def standing(self) -> ModelStanding:
        return folded("birds", self.entries)[1]

    @property
    def champion(self) -> str | None:
        return self.standing.champion

    @property
    def told(self) -> Pointer:
        return pointer_of(self.rollout, sequence=1, signed_at=self.next_at)

    def frozen_until(self) -> datetime | None:
        return self.told.frozen_until

    def where(self) -> tuple[int | None, int | None]:
        """Numbers of base and target."""
        pointer = self.told
        base, target = pointer.base, pointer.target
        return base.number if base else None, target.number if target else None

    def champions(self, bundle: str, *, known: bool = False, action: Action = Action.PROMOTE) -> None:
        """Judged, approved and promoted."""
        verdict, champion = f"v{len(self.entries)}", self.champion
        self.decide(Action.VERDICT, "gates", {"passed": True}, bundle=bundle, verdict=verdict, champion=champion)
        named = {"bundle": bundle, "version": NUMBERS[bundle]}
        if not known:
            self.decide(Action.REGISTER, "ada", {"approvals": 1, "barred": ["ada"]}, **named)
        if action is Action.PROMOTE:
            self.decide(Action.APPROVE, "ben", **named, verdict=verdict)
        self.decide(action, "cleo", **named, verdict=verdict, replaces=champion)
        assert self.champion == bundle

    def release(self, number: int, bundle: str, base: int | None = None, /, **changed: Any) -> int:
        """Of the entry."""
        details = {"wave": {"share": 5, "seed": "s"}} | changed.pop("details", {})
        subjects: dict[str, Any] = {
            "release": number, "bundle": bundle, "version": NUMBERS[bundle], "base": base, "floor": base or 0,
        } | changed  # fmt: skip
        return self.decide(Action.RELEASE, "cleo", details, **subjects).entry.number

    def move(self, action: Action, release: int, **details: Any) -> int:
        return self.decide(action, "cleo", details, release=release).entry.number

    def finish(self, release: int) -> None:
        self.move(Action.ADVANCE, release, finish=True)

    def released(self, *bundles: str) -> None:
        """One after the other went to everybody."""
        for number, bundle in enumerate(bundles, start=1):
            self.champions(bundle)
            self.release(number, bundle, number - 1 or None)
            self.finish(number)

    def pin(self, release: int, days: float = 30, **holder: str) -> int:
        return self.decide(Action.PIN, "eve", {"until": self.ahead(days)}, release=release, **holder).entry.number

    def freeze(self, days: float = 30, model: str = "birds") -> int:
        return self.decide(Action.FREEZE, "eve", {"until": self.ahead(days)}, model=model).entry.number

    def roll_back(self, to: str, replaces: str, **subjects: Any) -> int:
        named = {"bundle": to, "version": NUMBERS[to], "replaces": replaces}
        return self.decide(Action.ROLLBACK, "dora", **named, **subjects).entry.number

    def why_void(self, entry: int) -> str:
        return self.rollout.why_void(entry) or ""
