"""The runtime of this device, as the agent uses it: `agent.ports.Engines` for one model.

What answers is the model's live model; what proves a release is a process of its own, so one that exhausts memory,
hangs or brings the runtime down has shown that it is no good and has touched nothing that answers.
"""

import errno
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import REFERENCE, DeviceClass
from slipway.serving.bundle.reading import read_plain
from slipway.serving.bundle.verifying import LARGEST_JSON
from slipway.serving.edge.agent.ports import Built, Observed, engines_folder
from slipway.serving.edge.building import Building
from slipway.serving.edge.choosing import Choice, choices
from slipway.serving.edge.shadowing import Shadowing
from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.telemetry.distributions import expected_of
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.runtime.batching import Batchable
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.latencies import warm
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.proven import Proof
from slipway.serving.runtime.session import Provider, Session, open_engine, open_session
from slipway.serving.runtime.waiting import take_the_same

if TYPE_CHECKING:
    from slipway.serving.runtime.tensorrt.asking import Here
    from slipway.serving.runtime.tensorrt.cache import EngineFile

LONGEST_DETAIL: Final = 400


class LocalEngines:
    """`Engines` of one model on this machine. The live model is the caller's.

    `python` owns `tensorrt` where that is another interpreter; `building` hears how far an engine is. `rules` is what
    two releases are compared by.
    """

    def __init__(
        self,
        model: str,
        live: LiveModel,
        looking: Looking,
        *,
        threads: int = 1,
        python: Path | None = None,
        building: Building | None = None,
        rules: Callable[[], Rules] = Rules,
    ) -> None:
        self._model, self._live, self._looking = model, live, looking
        self._threads, self._python, self._building, self._rules = threads, python, building, rules
        self._shadowing: Shadowing | None = None

    def build(self, bundle: Bundle, device: DeviceClass) -> Built:
        here, lacking = self._tensorrt(device)
        problems = [lacking] if lacking else []
        built = self._first(bundle, device, here, problems)
        if device.runtime == "tensorrt":
            self._clear(bundle, built)
        return built

    def _first(self, bundle: Bundle, device: DeviceClass, here: "Here | None", problems: list[str]) -> Built:
        """The best choice of which there is an engine, or which needs none."""
        for choice in choices(bundle.manifest, device, found_providers(), native=here is not None):
            engine = None
            if choice.native:
                try:
                    engine = self._engine(bundle, choice, here).path.name
                except ModelUnfit as error:
                    problems.append(str(error))
                    continue
            detail = "; ".join(filter(None, (choice.detail, *problems)))
            return Built(
                variant=choice.variant, provider=choice.provider, engine=engine, detail=detail[:LONGEST_DETAIL]
            )
        raise ModelUnfit(" ".join(problems))

    @staticmethod
    def _clear(bundle: Bundle, built: Built) -> None:
        """No other engine of this bundle is used again: those of an older TensorRT, and those of variants passed by."""
        from slipway.serving.runtime.tensorrt.cache import EngineCache

        EngineCache(engines_folder(bundle)).keep_only({built.engine} if built.engine else set())

    def _tensorrt(self, device: DeviceClass) -> tuple["Here | None", str]:
        """TensorRT with a device that it can run on, or why there is none."""
        if device.runtime != "tensorrt":
            return None, ""
        from slipway.serving.runtime.tensorrt.asking import look

        try:
            here = look(self._python)
        except ModelUnfit as error:
            return None, str(error)
        if here.capability is None:
            return None, f"{here.told} finds no graphics processor"
        return here, ""

    def _engine(self, bundle: Bundle, choice: Choice, here: "Here | None") -> "EngineFile":
        from slipway.serving.runtime.tensorrt.building import build_engine

        with self._building.of(choice.variant) if self._building else nullcontext() as progress:
            return build_engine(
                bundle.path(choice.variant),
                bundle.manifest.contract,
                choice.variant,
                engines_folder(bundle),
                python=self._python,
                progress=progress,
                here=here,
            )

    def prove(self, bundle: Bundle, device: DeviceClass, built: Built) -> Proof:
        from slipway.serving.runtime.proof import prove_apart

        provider = cast("Provider", built.provider)
        return prove_apart(
            bundle,
            built.variant,
            device,
            provider,
            engine=self._engine_of(bundle, built),
            python=self._python,
            threads=self._threads,
        )

    def activate(self, bundle: Bundle, device: DeviceClass, built: Built, release: int) -> None:
        there, wanted = self._live.loaded, (bundle.digest, release, built.variant, built.provider)
        if there is not None and (there.bundle, there.release, there.variant, there.session.providers[0]) == wanted:
            return
        self._live.swap(self._loaded(bundle, device, built, release, threads=self._threads))
        self._looking.begin(bundle.digest, expected_of(_reference(bundle)))

    def shadow(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, frames: float) -> str | None:
        self.unshadow()
        there = self._live.loaded
        if there is None:
            return "Nothing answers here that it could be compared with."
        if not take_the_same(there.contract, bundle.manifest.contract):
            return "It takes other inputs than what answers, so the two cannot be compared."
        target = self._loaded(bundle, device, built, release, threads=1)
        try:
            for sizes in Batchable.of(target.contract, target.batch).sizes(target.contract):
                warm(target.session, target.contract, sizes)
        except BaseException:
            target.session.close()
            raise
        self._shadowing = Shadowing(target, frames, rules=self._rules)
        self._looking.begin_beside(self._shadowing)
        return None

    def unshadow(self) -> None:
        if self._shadowing is None:
            return
        shadowing, self._shadowing = self._shadowing, None
        shadowing.close()
        self._looking.end_beside()

    def _loaded(self, bundle: Bundle, device: DeviceClass, built: Built, release: int, *, threads: int) -> LoadedModel:
        return LoadedModel(
            model=self._model,
            bundle=bundle.digest,
            release=release,
            variant=built.variant,
            contract=bundle.manifest.contract,
            session=self._opened(bundle, built, threads),
            batch=device.batch,
        )

    def _opened(self, bundle: Bundle, built: Built, threads: int) -> Session:
        contract, engine = bundle.manifest.contract, self._engine_of(bundle, built)
        if engine is not None:
            return open_engine(engine, contract, python=self._python)
        provider = cast("Provider", built.provider)
        return open_session(bundle.path(built.variant), contract, provider=provider, threads=threads)

    def _engine_of(self, bundle: Bundle, built: Built) -> "EngineFile | None":
        """The engine that was built of it here; None where ONNX Runtime runs it."""
        if built.engine is None:
            return None
        from slipway.serving.runtime.tensorrt.cache import recorded

        return recorded(engines_folder(bundle) / built.engine)

    def observed(self) -> Observed | None:
        loaded = self._live.loaded
        if loaded is None:
            return None
        seconds, figures = self._live.current()
        return Observed(
            seconds=seconds,
            answered=figures.answered,
            failed=figures.failed,
            p95_ms=figures.running.quantile(0.95),  # as proven: how long others wait is no fault of the model
            provider=loaded.session.providers[0],
            divergence=self._looking.divergence(),
            lately=self._looking.lately(),
        )


def found_providers() -> tuple[Provider, ...]:
    """What ONNX Runtime could run a model on here; a runtime that does not load is the device's failure."""
    try:
        import onnxruntime

        from slipway.serving.runtime.onnx_runtime import NAMES
    except Exception as error:
        raise OSError(errno.ENODEV, f"ONNX Runtime does not load: {error}") from error
    there = onnxruntime.get_available_providers()
    return tuple(short for short, name in NAMES.items() if name in there)


def _reference(bundle: Bundle) -> Mapping[str, Any]:
    """What drift is measured against; nothing where it cannot be read, since it is verified and only compared."""
    try:
        found: Any = json.loads(read_plain(bundle.folder / REFERENCE, LARGEST_JSON))
    except (BadBundle, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
