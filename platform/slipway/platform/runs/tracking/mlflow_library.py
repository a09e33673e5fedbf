"""MLflow's own stores over a SQLite file: what they say in our words, and the tables made by one process.

Importing MLflow takes seconds, so whoever uses this does it when first asked something.
"""

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from slipway.platform.data.locking import locked
from slipway.platform.runs.tracking.tracker import TrackingRefused, TrackingUnreachable
from slipway.platform.settings.schema import SQLITE

T = TypeVar("T")

BUSY_SECONDS: Final = 60
"""How long a writer waits for another one."""
LATER: Final = frozenset({"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"})


@contextmanager
def in_our_words(path: Path) -> Iterator[None]:
    """Around everything that is asked of MLflow about this file."""
    from mlflow.exceptions import MlflowException

    # MLflow uses what SQLAlchemy will drop, which no user of ours can mend.
    warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
    try:
        yield
    except MlflowException as error:
        reason = str(error.message).partition("\n")[0][:300]
        if error.error_code in LATER:
            raise TrackingUnreachable(
                f"{path} cannot be used: {reason}.", mend="`slipway doctor` looks closer."
            ) from None
        raise TrackingRefused.of(str(error.error_code), f"{SQLITE}{path}", reason) from None
    except OSError as error:
        raise TrackingUnreachable(
            f"{path} cannot be used: {error.strerror or error}.", mend=f"ls -l {path.parent}"
        ) from None


def opened(path: Path, make: Callable[[str], T]) -> T:
    """What `make` makes of the file's address; the first process makes the tables, the others wait for it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f".{path.name}.lock"), lambda _: None, threading.Event()):
        return make(f"{SQLITE}{path}?timeout={BUSY_SECONDS}")
