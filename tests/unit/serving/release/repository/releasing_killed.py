"""A release in a process that is killed before a write: root of the office, number of the write, bundle."""

import sys
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[4] / "partners"), str(HERE.parent)]

from test_killed import release  # noqa: E402 - the same

from signed_channel import KillingStore, Office  # noqa: E402 - found by the line above
from slipway.serving.bundle.folder import Bundle  # noqa: E402 - the same
from slipway.serving.release.places import channel_store  # noqa: E402 - the same

office = Office(Path(sys.argv[1]))
store = KillingStore(channel_store(office.loaded()), int(sys.argv[2]), really=True)
release(office.repository(cast("Any", store)), office, Bundle.open(Path(sys.argv[3])))
