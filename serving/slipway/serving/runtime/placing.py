"""Which provider each part of a graph was given to, as ONNX Runtime tells it once, when a session is opened.

It lists what it was asked to use, whether or not it could: a graph whose every node fell to the processor still names
the graphics processor first. So where each node went is asked for. A runtime before 1.24 cannot say it; there one run
is profiled. Neither costs anything while the session answers.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from slipway.serving.runtime.session import Arrays

RECORD: Final = "session.record_ep_graph_assignment_info"
ASKED: Final = "get_provider_graph_assignment_info"
Opening = Callable[[Any], Any]
"""Opens a session with these options."""


def open_placed(opening: Opening, options: Any, inputs: Arrays) -> tuple[Any, Mapping[str, int]]:  # noqa: ANN401
    """A session, and how many nodes each provider was given, the most first; `inputs` are run where that must be."""
    options.add_session_config_entry(RECORD, "1")
    with tempfile.TemporaryDirectory(prefix="slipway-profile-") as folder:
        if not _can_tell():
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder, "profile"))
        session = opening(options)
        found = _told(session) if _can_tell() else _profiled(session, inputs)
    return session, dict(found.most_common())


def _can_tell() -> bool:
    import onnxruntime

    return hasattr(onnxruntime.InferenceSession, ASKED)


def _told(session: Any) -> Counter[str]:  # noqa: ANN401
    found: Counter[str] = Counter()
    for part in getattr(session, ASKED)():
        found[str(part.ep_name)] += len(part.get_nodes())
    return found


def _profiled(session: Any, inputs: Arrays) -> Counter[str]:  # noqa: ANN401
    """What ran each node, in one run; profiling ends with it."""
    session.run(None, dict(inputs))
    events = json.loads(Path(session.end_profiling()).read_bytes())
    ran = {(one["name"], one["args"]["provider"]) for one in events if one.get("args", {}).get("provider")}
    return Counter(provider for _, provider in ran)
