"""One camera's frames to events, in two threads: one has frames admitted, the other tells what was answered, in order.

Between them stand a few frames at most. When models are slower than a camera, its source drops the oldest frames and
counts them; a file waits. A frame that was admitted is told, also when the stream is to stop.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from slipway.serving.edge.decisions import Namer
from slipway.serving.edge.streams.answers import Found, answer_of, boxes_of, kind_of, vector_of
from slipway.serving.edge.streams.areas import Areas, holding
from slipway.serving.edge.streams.asking import PAUSE, Answered, Asked, Asker, picture_input
from slipway.serving.edge.streams.events import Event, stamp, vector_text, who
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.streams.telling import Decided, Telemetry, Vector
from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.cameras.stored import utc_now
from slipway.serving.runtime.live import NoModel, Overloaded
from slipway.serving.runtime.pictures import Box, cut, encode, placement
from slipway.serving.runtime.source import Frame, Source

log = logging.getLogger(__name__)

COUNTED: Final = ("in", "dropped", "unreadable", "refused", "failed", "decided")
"""Frames that came, and what became of them: dropped as newer ones came or the stream ended, refused as no model could
take them, failed, or decided. At the end these four make up the first. Unreadable is what was no picture."""
AHEAD: Final = 2
"""Frames of a stream that are admitted and not yet told."""
SECONDS: Final = 60.0
"""In which an admitted frame is answered, or has failed."""
BUSY: Final = (Overloaded, NoModel)

Write = Callable[[Event], None]
Parts = Mapping[str, Box | None]
WHOLE: Final[Parts] = {"": None}


@dataclass(frozen=True)
class Models:
    """Who is asked: a detector, with somebody who looks at what it found, or one model alone."""

    first: Asker
    boxes: Asker | None = None


@dataclass(frozen=True)
class Telling:
    """What a stream says, and to whom."""

    write: Write
    telemetry: Telemetry
    namer: Namer
    vectors: bool = False
    """Whether events hold the vectors themselves."""
    empty: bool = False
    """Whether a picture in which nothing was found is an event as well."""


@dataclass(frozen=True)
class _Admitted:
    """A frame on its way."""

    frame: Frame
    areas: Mapping[str, Box]
    parts: Parts
    """What was asked about, by the name of its area; the whole picture without a name."""
    asked: Asked


@dataclass
class Stream:
    """One camera."""

    source: Source
    models: Models
    telling: Telling
    stop: threading.Event
    areas: Areas = Areas()  # noqa: RUF009 - frozen
    rules: Rules = Rules()  # noqa: RUF009 - frozen
    """What its decisions are taken by; whoever runs it may put others here at any time."""

    def __post_init__(self) -> None:
        self.broke = ""
        """Why its frames ended before somebody asked for it, in a way that nobody foresaw."""
        self._counted: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._admitted: queue.Queue[_Admitted | None] = queue.Queue(AHEAD)
        self._said: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=function, name=f"{name}-{self.source.stream}", daemon=True)
            for name, function in (("admit", self._admit_all), ("tell", self._tell_all))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Whether it has ended, after waiting for that."""
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def counts(self) -> dict[str, int]:
        """Frames so far, by what became of them."""
        source = self.source.counts
        with self._lock:
            own = dict(self._counted)
        own["in"], own["unreadable"] = source.received, source.unreadable
        own["dropped"] = own.get("dropped", 0) + source.dropped
        return {name: own.get(name, 0) for name in COUNTED}

    def _count(self, name: str) -> None:
        with self._lock:
            self._counted[name] += 1

    def _admit_all(self) -> None:
        try:
            for frame in self.source.frames():
                if (one := self._admitted_one(frame)) is not None:
                    self._admitted.put(one)
                if self.stop.is_set():
                    break
        except Exception as error:
            log.exception("The stream %s ended.", self.source.stream)
            self.broke = f"{type(error).__name__}: {error}"
            self._failed(error)
        finally:
            self.source.close()
            self._admitted.put(None)

    def _admitted_one(self, frame: Frame) -> _Admitted | None:
        """Have a frame admitted; a live one only if that goes at once, for the next one is newer."""
        areas = self.areas.of(frame.image)
        try:
            while not self.stop.is_set():
                with suppress(*(() if self.source.live else BUSY)):
                    parts: Parts = areas if areas and self._asks_of_boxes() else WHOLE
                    asked = self.models.first.ask([(frame.image, part) for part in parts.values()])
                    return _Admitted(frame, areas, parts, asked)
                self.stop.wait(PAUSE)
            self._count("dropped")
        except BUSY:
            self._count("refused")
        except Exception as error:  # noqa: BLE001 - one frame's trouble is not the next one's
            self._count("failed")
            self._failed(error)
        return None

    def _asks_of_boxes(self) -> bool:
        loaded = self.models.first.loaded
        return loaded is not None and picture_input(loaded).preprocessing.crop == "box"

    def _tell_all(self) -> None:
        while (one := self._admitted.get()) is not None:
            try:
                self._tell(one, self.models.first.answers(one.asked, SECONDS))
            except Exception as error:  # noqa: BLE001, PERF203 - one frame's trouble is not the next one's
                self._count("failed")
                self._failed(error)
            else:
                self._count("decided")
                self._said.pop("", None)

    def _tell(self, one: _Admitted, answers: Sequence[Answered]) -> None:
        rules, frame = self.rules, one.frame
        for (name, area), answered in zip(one.parts.items(), _judged(answers, rules), strict=True):
            about = self._about(frame, answered, rules)
            if area is None and kind_of(answered.loaded.contract) == "detector":
                self._tell_boxes(one, answered, about, rules)
                continue
            if one.areas and (area is None or picture_input(answered.loaded).preprocessing.crop != "box"):
                asked = name or next(iter(one.areas))
                raise WrongUse(
                    f"{answered.loaded.model} looks at whole pictures, and was asked about the area {asked}."
                )
            event, said = self._said_of(frame, area, answered, about["decision"], rules)
            self.telling.write({"event": event, **about, "area": name or None, **said})

    def _tell_boxes(self, one: _Admitted, answered: Answered, about: Mapping[str, Any], rules: Rules) -> None:
        contract, frame = answered.loaded.contract, one.frame
        place = placement((frame.image.shape[0], frame.image.shape[1]), contract.inputs[0])
        found = boxes_of(answered.outputs, 0, contract, place)
        if one.areas:
            found = [box for box in found if holding(one.areas, box.box)]
        scores = [box.score for box in found]
        told = {"boxes": [[*_rounded(box.box), box.category, round(box.score, 4)] for box in found]}
        self._decided(frame, None, answered, about["decision"], rules, scores=scores, said=told)
        seconds = self._second(frame, found, rules)
        boxes = [
            {
                "box": _rounded(box.box), "category": box.category, "score": round(box.score, 4),
                **({"areas": holding(one.areas, box.box)} if one.areas else {}), **second,
            }
            for box, second in zip(found, seconds, strict=True)
        ]  # fmt: skip
        if boxes or self.telling.empty:
            self.telling.write({"event": "boxes", **about, "boxes": boxes})

    def _second(self, frame: Frame, found: Sequence[Found], rules: Rules) -> list[dict[str, Any]]:
        """What the second model says of each box; nothing where there is none that answers."""
        asker = self.models.boxes
        if asker is None or not found:
            return [{} for _ in found]
        try:
            answers = asker.answers(asker.ask_until([(frame.image, one.box) for one in found]), SECONDS)
            told = []
            for one, answered in zip(found, _judged(answers, rules), strict=True):
                decision = self.telling.namer.name(answered.loaded.bundle)
                event, said = self._said_of(frame, one.box, answered, decision, rules)
                told.append({event: {"decision": decision, **who(answered.loaded), **said}})
        except NoModel:
            return [{} for _ in found]
        except Exception as error:  # noqa: BLE001 - what was found is told all the same
            self._failed(error, "the boxes of ")
            return [{} for _ in found]
        self._said.pop("the boxes of ", None)
        return told

    def _said_of(
        self, frame: Frame, area: Box | None, answered: Answered, decision: str, rules: Rules
    ) -> tuple[str, dict[str, Any]]:
        """A model's word on a part of a picture: the name of the event, and what it says."""
        contract = answered.loaded.contract
        if (kind := kind_of(contract)) == "detector":
            raise WrongUse(f"{answered.loaded.model} finds boxes, and was asked about one.")
        if kind == "classifier":
            said = answer_of(answered.outputs, 0, contract)
            told = {"answer": said.answer, "score": round(said.score, 4)}
            self._decided(frame, area, answered, decision, rules, scores=[said.score], said=told)
            scores = {label: round(score, 4) for label, score in said.scores.items()}
            return "answer", {**told, "scores": scores}
        vector = vector_of(answered.outputs, 0, contract)
        self._decided(frame, area, answered, decision, rules, embedding=vector)
        return "embedding", {"vector": vector_text(vector)} if self.telling.vectors else {}

    def _about(self, frame: Frame, answered: Answered, rules: Rules) -> dict[str, Any]:
        return {
            "stream": frame.stream, "at": stamp(frame.taken), "frame": frame.number,
            "decision": self.telling.namer.name(answered.loaded.bundle),
            **who(answered.loaded), **rules.told(), "latency_ms": round(answered.latency_ms, 2),
        }  # fmt: skip

    def _decided(
        self,
        frame: Frame,
        area: Box | None,
        answered: Answered,
        decision: str,
        rules: Rules,
        *,
        scores: Sequence[float] = (),
        embedding: Vector | None = None,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        loaded = answered.loaded

        def picture() -> bytes:
            margin = loaded.contract.inputs[0].preprocessing.margin
            return encode(frame.image if area is None else cut(frame.image, area, margin))

        one = Decided(
            decision, frame.stream, frame.taken, loaded, answered.inputs, answered.outputs,
            scores, embedding, answered.latency_ms, picture, rules, said or {},
        )  # fmt: skip
        try:
            self.telling.telemetry.decided(one)
        except Exception:
            log.exception("Telemetry failed at the decision %s.", decision)

    def _failed(self, error: Exception, where: str = "") -> None:
        """Tell a failure once, until it goes well again there or something else goes wrong."""
        said = str(error) if isinstance(error, SlipwayError) else f"{type(error).__name__}: {error}"
        if self._said.get(where) != said:
            self._said[where] = said
            name = self.source.stream
            detail = f"{where}{name}: {said}" if where else said
            self.telling.write({"event": "failure", "stream": name, "at": stamp(utc_now()), "detail": detail})


def _judged(answers: Sequence[Answered], rules: Rules) -> list[Answered]:
    """With the thresholds that count here."""
    return [replace(one, loaded=rules.judging(one.loaded)) for one in answers]


def _rounded(box: Box) -> list[float]:
    return [round(side, 1) for side in box]
