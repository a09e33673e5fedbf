"""Which provider each part of a graph was given to, as ONNX Runtime tells it once, when a session is opened.

It lists what it was asked to use, whether or not it could: a graph whose every node fell to the processor still names
the graphics processor first. So where each node went is asked for. A runtime before 1.24 cannot say it; there one run
is profiled. Neither costs anything while the session answers.

In a profile a part that TensorRT has taken as a whole is one event, however much of the graph it is. It counts as all
the graph's nodes that ran nowhere else, so that a few nodes beside it do not look like most of the graph.
"""

import errno
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from slipway.serving.runtime.session import Arrays

RECORD: Final = "session.record_ep_graph_assignment_info"
ASKED: Final = "get_provider_graph_assignment_info"
FUSING: Final = "TensorrtExecutionProvider"
"""Each of its events is a part of the graph."""
_COPIES: Final = frozenset({"MemcpyFromHost", "MemcpyToHost"})
"""Nodes that the runtime puts between providers; they are not of the graph."""
_FOLDED: Final = "Constant"
"""Nodes that no runtime runs."""
Opening = Callable[[Any], Any]
"""Opens a session with these options."""


def open_placed(
    opening: Opening,
    options: Any,  # noqa: ANN401
    inputs: Arrays,
    model: bytes,
) -> tuple[Any, Mapping[str, int]]:
    """A session of a model, and how many nodes each provider was given, the most first.

    `inputs` are run where that must be.
    """
    options.add_session_config_entry(RECORD, "1")
    if _can_tell():
        session = opening(options)
        return session, dict(_told(session).most_common())
    with _folder() as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder, "profile"))
        session = opening(options)
        return session, dict(counted(_profiled(session, inputs), nodes_of(model)).most_common())


def _folder() -> "tempfile.TemporaryDirectory[str]":
    """For a profile; no place that takes a file is a full disk, whatever Python calls it."""
    try:
        return tempfile.TemporaryDirectory(prefix="slipway-profile-")
    except FileNotFoundError as error:
        raise OSError(errno.ENOSPC, error.strerror or str(error)) from None


def _can_tell() -> bool:
    import onnxruntime

    return hasattr(onnxruntime.InferenceSession, ASKED)


def _told(session: Any) -> Counter[str]:  # noqa: ANN401
    found: Counter[str] = Counter()
    for part in getattr(session, ASKED)():
        found[str(part.ep_name)] += len(part.get_nodes())
    return found


def _profiled(session: Any, inputs: Arrays) -> list[dict[str, Any]]:  # noqa: ANN401
    """The events of one run; profiling ends with it. `OSError` where they could not be written."""
    session.run(None, dict(inputs))
    try:
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_bytes())
    except (OSError, ValueError) as error:  # the runtime says nothing when the disk does not take its profile
        raise OSError(errno.ENOSPC, f"The runtime's profile is not whole ({error})") from None
    return events


def nodes_of(model: bytes) -> int:
    """How many nodes of a graph something has to run."""
    from slipway.serving.bundle.graph import read_graph

    graph = read_graph(model, "the model")
    return graph.nodes - graph.operators.get(_FOLDED, 0)


def counted(events: Iterable[Mapping[str, Any]], nodes: int) -> Counter[str]:
    """What ran how many of a graph's nodes, by the events of a profile."""
    ran = set()
    for one in events:
        about = one.get("args", {})
        if about.get("provider") and about.get("op_name") not in _COPIES:
            ran.add((one["name"], about["provider"]))
    found = Counter(provider for _, provider in ran)
    if FUSING in found:
        elsewhere = found.total() - found[FUSING]
        found[FUSING] = max(found[FUSING], nodes - elsewhere)
    return found
