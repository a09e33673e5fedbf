"""An engine from an ONNX model, in the one way that TensorRT 10.3 to 11 have in common.

The network is strongly typed: precision is what the graph says, with its types and its pairs of quantising and
dequantising, and no flag of the builder changes it. Whatever parser and builder say that keeps an engine from being
made is returned, all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from slipway.training.export.tensorrt.module import Config, Network, Parser, Shape, TensorRT

LONGEST: Final = 400
SAID: Final = ("ERROR", "INTERNAL_ERROR")
"""Severities that are kept."""


@dataclass(frozen=True)
class Sizes:
    """One input's least, usual and greatest shape."""

    least: Shape
    usual: Shape
    most: Shape


@dataclass(frozen=True)
class Built:
    """What came of it."""

    engine: bytes = b""
    problems: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether there is an engine."""
        return bool(self.engine)


@dataclass
class Said:
    """What the module says while it works."""

    errors: list[str] = field(default_factory=list)


def build(trt: TensorRT, model: bytes, inputs: Mapping[str, Sizes], timing: Path | None = None) -> Built:
    """Try to make an engine; `timing` is a file that keeps what was measured, where the module measures anything."""
    said = Said()
    logger = _logger(trt, said)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        return Built(problems=_listed([*_parser_errors(parser), *said.errors]))
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for name, sizes in inputs.items():
        profile.set_shape(name, sizes.least, sizes.usual, sizes.most)
    config.add_optimization_profile(profile)
    _give_timing(config, timing)
    engine = _made(builder, network, config, said)
    if engine is None:
        return Built(problems=_listed(said.errors) or ("The builder made no engine and said nothing.",))
    _keep_timing(config, timing)
    return Built(bytes(engine))


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


def _listed(lines: list[str]) -> tuple[str, ...]:
    """Each once, in one line, not too long."""
    plain = [" ".join(line.split())[:LONGEST] for line in lines]
    return tuple(dict.fromkeys(filter(None, plain)))


def _logger(trt: TensorRT, said: Said) -> object:
    """Keeps errors; everything else is of no interest here."""
    kind: Any = trt.ILogger

    class Keeping(kind):  # type: ignore[misc] # known at run time only
        def __init__(self) -> None:
            kind.__init__(self)

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401
            if getattr(severity, "name", str(severity)) in SAID:
                said.errors.append(message)

    return Keeping()


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
    timing.parent.mkdir(parents=True, exist_ok=True)
    beside = timing.with_name(f".{timing.name}.part")
    beside.write_bytes(bytes(cache.serialize()))
    beside.replace(timing)
