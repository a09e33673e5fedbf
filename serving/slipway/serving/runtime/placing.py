"""Which provider each part of a graph was given to, as ONNX Runtime tells it when a session is opened.

It lists what it was asked to use, whether or not it could: a graph whose every node fell to the processor still names
the graphics processor first. So where each node went is asked for, which costs nothing while the session runs; a
runtime that is too old to tell is forbidden to give any node to the processor instead.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

RECORD: Final = "session.record_ep_graph_assignment_info"
FORBID: Final = "session.disable_cpu_ep_fallback"


def watch_placing(options: Any, kind: Any) -> None:  # noqa: ANN401 - onnxruntime has no types
    """Have a session of this kind tell where nodes went, or refuse to give any to the processor."""
    options.add_session_config_entry(RECORD if hasattr(kind, "get_provider_graph_assignment_info") else FORBID, "1")


def placed(session: Any) -> Mapping[str, int]:  # noqa: ANN401
    """How many nodes each provider was given, the most first; nothing where the runtime cannot tell."""
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    if ask is None:
        return {}
    found: Counter[str] = Counter()
    for part in ask():
        found[str(part.ep_name)] += len(part.get_nodes())
    return dict(found.most_common())
