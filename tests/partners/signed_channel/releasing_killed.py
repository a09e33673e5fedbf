"""A release in a process that is killed before a write: root of the office, number of the write, bundle."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from signed_channel import KillingStore, Office
from slipway.serving.bundle.folder import Bundle
from slipway.serving.release.places import channel_store

office = Office(Path(sys.argv[1]))
store = KillingStore(channel_store(office.loaded()), int(sys.argv[2]), really=True)
office.lead_with(office.repository(store), Bundle.open(Path(sys.argv[3])))
