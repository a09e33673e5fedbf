"""An engine from an ONNX model, in the one way that TensorRT 10.3 to 11 have in common.

The network is strongly typed: precision is what the graph says, with its types and its pairs of quantising and
dequantising, and no flag of the builder changes it. Whatever parser and builder say that keeps an engine from being
made is returned, all of it.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.serving.runtime.tensorrt.module import Config, Network, Parser, Said, TensorRT
from slipway.serving.runtime.tensorrt.tensors import Tensor

Progress = Callable[[str, int, int], None]
"""Is told a phase, how many of its steps are done, and of how many."""


@dataclass(frozen=True)
class Made:
    """What came of it."""

    engine: bytes = b""
    problems: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether there is an engine."""
        return bool(self.engine)


def make(
    trt: TensorRT,
    model: bytes,
    inputs: Sequence[Tensor],
    timing: Path | None = None,
    progress: Progress | None = None,
    *,
    workspace: int | None = None,
) -> Made:
    """Try to make an engine; `timing` is a file that keeps what was measured, where the module measures anything.

    `workspace` is what one layer may use of the device's memory, in bytes; without it, all that there is.
    """
    said = Said(trt)
    builder = trt.Builder(said.logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, said.logger)
    if not parser.parse(model):
        return Made(problems=said.listed(*_parser_errors(parser)))
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for one in inputs:
        profile.set_shape(one.name, one.least, one.usual, one.most)
    config.add_optimization_profile(profile)
    _limit_workspace(trt, config, workspace)
    _give_timing(config, timing)
    _give_progress(trt, config, progress)
    engine = _made(builder, network, config, said)
    if engine is None:
        return Made(problems=said.listed() or ("The builder made no engine and said nothing.",))
    _keep_timing(config, timing)
    return Made(bytes(engine))


def _made(builder: Any, network: Network, config: Config, said: Said) -> Any | None:  # noqa: ANN401 - a buffer
    try:
        return builder.build_serialized_network(network, config)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a module's own errors have no common class
        said.errors.append(f"{type(error).__name__}: {error}")
        return None


def _parser_errors(parser: Parser) -> list[str]:
    """Every one, with the node that it is about."""
    return [_error(parser.get_error(index)) for index in range(parser.num_errors)]


def _error(error: Any) -> str:  # noqa: ANN401 - newer modules say more
    described = error.desc() if hasattr(error, "desc") else str(error)
    parts = [getattr(error, name, str)() for name in ("node_name", "node_operator")]
    where = " ".join(filter(None, parts))
    return f"{where}: {described}" if where else described


def _limit_workspace(trt: Any, config: Any, workspace: int | None) -> None:  # noqa: ANN401 - what a module may lack
    limit = getattr(config, "set_memory_pool_limit", None)
    if workspace is not None and limit is not None:
        limit(trt.MemoryPoolType.WORKSPACE, workspace)


def _give_progress(trt: Any, config: Any, progress: Progress | None) -> None:  # noqa: ANN401 - what a module may lack
    kind: Any = getattr(trt, "IProgressMonitor", None)
    if progress is None or kind is None or not hasattr(config, "progress_monitor"):
        return
    tell: Progress = progress
    steps: dict[str, int] = {}

    class Telling(kind):  # type: ignore[misc] # known at run time only
        def __init__(self) -> None:
            kind.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:  # noqa: ARG002
            steps[phase_name] = num_steps
            tell(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            tell(phase_name, step + 1, steps.get(phase_name, 0))
            return True

        def phase_finish(self, phase_name: str) -> None:
            steps.pop(phase_name, None)

    config.progress_monitor = Telling()


def _give_timing(config: Any, timing: Path | None) -> None:  # noqa: ANN401 - what a module may lack
    create = getattr(config, "create_timing_cache", None)
    give = getattr(config, "set_timing_cache", None)
    if timing is None or create is None or give is None:
        return
    known = timing.read_bytes() if timing.is_file() else b""
    cache = create(known)
    if cache is not None:
        give(cache, True)  # noqa: FBT003 - taken by position; whatever machine it was measured on


def _keep_timing(config: Any, timing: Path | None) -> None:  # noqa: ANN401
    get = getattr(config, "get_timing_cache", None)
    cache = get() if timing is not None and get is not None else None
    if timing is None or cache is None:
        return
    with suppress(OSError):  # it saves time, and the engine is there already
        timing.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = timing.with_name(f".{timing.name}.part")
        write_private(beside, bytes(cache.serialize()))
        beside.replace(timing)


def write_private(path: Path, data: bytes) -> None:
    """Whole and on the disk, readable by its owner alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
