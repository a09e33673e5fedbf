"""What data.dvc names is what this renderer makes: a change of a single byte must not go unnoticed."""

from pathlib import Path

from slipway.platform.data.pointer import read_pointer
from slipway.platform.data.snapshot import Snapshot
from slipway.training.world.source import SOURCE

ROOT = Path(__file__).parents[4]
TINY = "ef0ae388e2b0d533a178f1d2c8156d368602415895b6b2cf98e3be6d8d89453e"


def test_the_renderer_makes_the_bytes_that_were_committed(tiny: Snapshot) -> None:
    assert tiny.digest == TINY, (
        "The renderer's bytes have changed: raise scenarios.VERSION, then `slipway world render baseline data`, "
        "`slipway data commit`, and put the new digest of `tiny` here."
    )


def test_what_data_dvc_names_can_be_made_by_this_version() -> None:
    pointer = read_pointer(ROOT)
    assert pointer is not None
    assert pointer.source in SOURCE.names()
