"""The options of `slipway-edge run` that are about cameras, and the streams that they ask for.

Beside an agent, streams ask the models that it looks after. With `--bundle` there is no agent and no device: bundles
are loaded from folders, for a try on any machine.
"""

import argparse
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.serving.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.serving.edge.agent.clock import SystemClock
    from slipway.serving.edge.streams.events import Out
    from slipway.serving.edge.streams.log import DecisionLog
    from slipway.serving.edge.streams.rules import Rules
    from slipway.serving.edge.streams.running import Camera, Streams
    from slipway.serving.edge.streams.telling import Telemetry
    from slipway.serving.runtime.live_model import LiveModel
    from slipway.serving.runtime.pictures import Box

DECISIONS: Final = "decisions"
"""Folder of the decision log in a device's folder."""
OF_CAMERAS: Final = ("detect", "embed", "model", "bundle", "area", "fps")
"""Which mean nothing without a camera."""
OF_STREAMS: Final = ("events", "decisions", "vectors", "empty")
"""Which mean nothing without a camera, or a site that may configure some."""
SLOWEST, FASTEST = 0.001, 240.0
"""Frames a second."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("cameras")
    add = group.add_argument
    add(
        "--camera",
        action="append",
        metavar="NAME=SRC",
        help="a stream and where its frames come from, in place of those of the device's site; may repeat",
    )
    add("--detect", metavar="MODEL", help="find boxes in every frame with this model")
    add("--embed", metavar="MODEL", help="have this model look at each box that was found")
    add("--model", metavar="MODEL", help="have this one model look at every frame, or at each --area of it")
    add("--area", action="append", metavar="STREAM/NAME=L,T,R,B", help="a part of a stream's frames, in pixels")
    add("--events", metavar="FILE", help="write events to a file that is rotated; standard output without it, or as -")
    add("--fps", type=float, metavar="N", help="take at most so many frames a second of each live camera")
    add("--vectors", action="store_true", help="have the vectors themselves in the events")
    add("--empty", action="store_true", help="have an event for frames in which nothing was found as well")
    add("--decisions", metavar="DIR", type=Path, help="keep the decision log there; else in the device's folder")
    add("--bundle", action="append", metavar="[NAME=]FOLDER[:VARIANT]", help="run this bundle, without an agent")


def check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other, before anything begins."""
    _check_camera(options, OF_CAMERAS)
    if options.model and (options.detect or options.embed):
        raise WrongUse("--model is one model alone, --detect and --embed are two.", mend="Leave out one or the other.")
    if options.embed and not options.detect:
        raise WrongUse("--embed looks at the boxes that --detect finds.", mend="Name the detector, or use --model.")
    if options.fps is not None and not SLOWEST <= options.fps <= FASTEST:
        raise WrongUse(f"--fps is a number from {SLOWEST:g} to {FASTEST:g}; found {options.fps:g}.")


def check_without_site(options: argparse.Namespace) -> None:
    """Refuse what means nothing on a device of no site."""
    _check_camera(options, OF_STREAMS)


def _check_camera(options: argparse.Namespace, names: Sequence[str]) -> None:
    given = [name for name in names if getattr(options, name)]
    if given and not options.camera:
        raise WrongUse(f"--{given[0]} means nothing without a camera.", mend="Give one: --camera NAME=SRC.")


@contextmanager
def streaming(
    options: argparse.Namespace,
    lives: "Mapping[str, LiveModel]",
    *,
    device: str,
    folder: Path,
    clock: "SystemClock",
    telemetry: "Telemetry",
    rules: "Callable[[], Rules]",
) -> Iterator[None]:
    """Run the streams that were asked for beside what happens within; `rules` is what decisions are taken by.

    They end with it. When all cameras have ended, as files do, the clock is asked to stop; what went wrong is raised.
    """
    with _ready(options, lives, device, options.decisions or folder / DECISIONS, telemetry, rules) as streams:
        beside = _Beside(streams, clock)
        beside.start()
        try:
            yield
        finally:
            beside.end()


def run_bundles(options: argparse.Namespace) -> int:
    """Run streams over bundles from folders to the end of all cameras, or until somebody says stop."""
    from slipway.serving.edge.agent.clock import SystemClock
    from slipway.serving.edge.serve.loading import Way, load, place
    from slipway.serving.edge.stopping import CutOff, stopping
    from slipway.serving.edge.streams.rules import Rules
    from slipway.serving.runtime.live_model import LiveModel

    places = [place(text) for text in options.bundle]
    if len({one.name for one in places}) != len(places):
        raise WrongUse("Two bundles have one name.", mend="Name them: --bundle NAME=FOLDER.")
    lives: dict[str, LiveModel] = {}
    clock = SystemClock()
    try:
        for one in places:
            lives[one.name] = LiveModel(load(one, Way()))
        with _ready(options, lives, _host(), options.decisions, None, Rules) as streams, stopping(clock):
            counts = streams.run(clock)
    except CutOff:
        raise SlipwayError("A stream did not end in time.") from None
    finally:
        for live in lives.values():
            live.close(1)
    return 1 if any(one["failed"] for one in counts.values()) else 0


@contextmanager
def _ready(
    options: argparse.Namespace,
    lives: "Mapping[str, LiveModel]",
    device: str,
    decisions: Path | None,
    telemetry: "Telemetry | None",
    rules: "Callable[[], Rules]",
) -> "Iterator[Streams]":
    """The streams, with what they write to."""
    from slipway.serving.edge.streams.roles import roles_of
    from slipway.serving.edge.streams.running import Settings, Streams
    from slipway.serving.runtime.cameras.reconnecting import Timing

    roles = roles_of(lives, model=options.model, detect=options.detect, embed=options.embed)
    timing = Timing(every=1 / options.fps) if options.fps else Timing()
    settings = Settings(device, vectors=options.vectors, empty=options.empty, timing=timing)
    with writing(options.events, decisions) as (out, log):
        cameras = cameras_of(options.camera, options.area or ())
        yield Streams(cameras, roles, out, telemetry, settings=settings, log=log, rules=rules)


@contextmanager
def writing(events: str | None, decisions: Path | None) -> "Iterator[tuple[Out, DecisionLog | None]]":
    """Where events go, and the decision log."""
    from slipway.serving.edge.streams.log import DecisionLog

    out, log = _out(events), None if decisions is None else DecisionLog(decisions)
    try:
        yield out, log
    finally:
        out.close()
        if log is not None:
            log.close()


def cameras_of(texts: Sequence[str], areas: Sequence[str]) -> "list[Camera]":
    """The cameras, each with its areas."""
    from dataclasses import replace

    from slipway.serving.edge.streams.running import read_camera

    cameras = {one.name: one for one in map(read_camera, texts)}
    if len(cameras) != len(texts):
        raise WrongUse("Two cameras have one name.", mend="Give each one a name of its own.")
    for text in areas:
        stream, name, box = _area(text)
        if stream not in cameras:
            raise WrongUse(f"The area `{text}` is of no camera here.", mend=f"There is: {', '.join(cameras)}.")
        cameras[stream] = replace(cameras[stream], areas={**cameras[stream].areas, name: box})
    return list(cameras.values())


def _area(text: str) -> "tuple[str, str, Box]":
    number = r"(\d{1,6}(?:\.\d{1,3})?)"
    found = re.fullmatch(rf"([^/=]+)/([^/=]{{1,64}})={number},{number},{number},{number}", text)
    sides = [float(side) for side in found.groups()[2:]] if found else []
    if found is None or sides[0] >= sides[2] or sides[1] >= sides[3]:
        raise WrongUse(
            f"`{text}` is no area; expected STREAM/NAME=LEFT,TOP,RIGHT,BOTTOM in pixels.",
            mend="Such as --area lot/bay-3=120,80,184,144.",
        )
    return found[1], found[2], (sides[0], sides[1], sides[2], sides[3])


def _out(events: str | None) -> "Out":
    from slipway.serving.edge.streams.events import RotatedFile, StandardOut

    if events in {None, "-"}:
        return StandardOut()
    try:
        return RotatedFile(Path(str(events)))
    except OSError as error:
        raise WrongUse(f"{events} cannot be written ({error.strerror}).", mend="Name another file.") from None


def _host() -> str:
    """This machine's name, as a device's id."""
    found = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-")[:64].strip("-")
    return found or "machine"


class _Beside:
    """Streams in a thread of their own."""

    def __init__(self, streams: "Streams", clock: "SystemClock") -> None:
        self._streams, self._clock = streams, clock
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Have them end, and raise what went wrong."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._streams.run(self._stop)
        except Exception as error:  # noqa: BLE001 - it is raised where they were begun
            self._error = error
        finally:
            self._clock.stop()
