"""Models from folders: loaded when the server starts, and again when somebody asks or a folder changes.

What is newly loaded takes over while the server answers. Where it cannot be loaded, the one before goes on.
"""

import threading
from collections.abc import Callable, Mapping, Sequence

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.verifying import verify
from slipway.serving.edge.serve.loading import Place, Proven, Way, load, signature
from slipway.serving.edge.serve.models import Working
from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel

Tell = Callable[[str], None]


class FixedModels:
    """`Models` for some folders. `begin` loads them; a thread of its own looks after them from then on."""

    def __init__(
        self, places: Sequence[Place], way: Way, *, depth: int, tell: Tell, watch_s: float | None = None
    ) -> None:
        if len({one.name for one in places}) != len(places):
            raise WrongUse("Two folders are to be served under one name.", mend="Name them: --model NAME=FOLDER.")
        self._places, self._way, self._tell, self._watch_s = places, way, tell, watch_s
        self._lives = {one.name: LiveModel(depth=depth) for one in places}
        self._problems: dict[str, str] = {}
        self._proven: set[Proven] = set()
        self._tried: dict[str, tuple[object, ...]] = {}
        self._seen: dict[str, tuple[object, ...]] = {}
        self._asked, self._wake, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="fixed-models", daemon=True)

    def begin(self) -> None:
        """Load all of them; what cannot be loaded is an error."""
        for one in self._places:
            self._tried[one.name] = self._seen[one.name] = signature(one.folder)
            self._take(one, load(one, self._way))
        self._keeper.start()

    def lives(self) -> Mapping[str, Working]:
        return self._lives

    def problems(self) -> Mapping[str, str]:
        return self._problems.copy()

    def reload(self) -> None:
        self._asked.set()
        self._wake.set()

    def close(self, seconds: float) -> None:
        self._ended.set()
        self._wake.set()
        for live in self._lives.values():
            live.close(seconds)

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self._watch_s)
            self._wake.clear()
            if asked := self._asked.is_set():
                self._asked.clear()
            for one in self._places:
                if not self._ended.is_set() and (asked or self._changed(one)):
                    self._renew(one)

    def _changed(self, one: Place) -> bool:
        """Whether a folder is another than the one that was tried last, and lies still: copies take time."""
        found = signature(one.folder)
        before, self._seen[one.name] = self._seen[one.name], found
        return self._watch_s is not None and found == before and found != self._tried[one.name]

    def _renew(self, one: Place) -> None:
        self._tried[one.name] = signature(one.folder)
        loaded = self._lives[one.name].loaded
        try:
            if loaded is None or Bundle.open(one.folder).digest != loaded.bundle:
                self._take(one, load(one, self._way, self._proven))
            else:
                verify(one.folder.resolve())  # the next start loads these files
        except SlipwayError as error:
            self._failed(one, f"{error} {error.mend or ''}".rstrip())
        except Exception as error:  # noqa: BLE001 - whatever a folder holds, the model that answers goes on
            self._failed(one, f"unexpected {type(error).__name__}: {error}")
        else:
            if self._problems.pop(one.name, None) is not None:
                self._tell(f"{one.name}: nothing is wrong with {one.folder} any more.")

    def _take(self, one: Place, loaded: LoadedModel) -> None:
        """Let it answer from now on."""
        before = self._lives[one.name].loaded
        if before is not None and before.model != loaded.model:
            loaded.session.close()
            raise WrongUse(f"It is a bundle of {loaded.model}; {before.model} is served here.")
        self._proven.add((loaded.bundle, loaded.variant))
        self._lives[one.name].swap(loaded)
        self._tell(f"{one.name}: the bundle {loaded.bundle[:12]} answers, as {loaded.variant}.")

    def _failed(self, one: Place, why: str) -> None:
        self._problems[one.name] = why
        self._tell(f"{one.name}: {one.folder} was not loaded, and what answered before goes on: {why}")
