"""Renders a piece of a world in all lights and weathers, and writes its digest and what numpy uses of the processor."""

import json
import sys
from pathlib import Path

import numpy as np

from slipway.training.world.rendering import render_scenario
from slipway.training.world.scenarios import Scenario

PIECE = Scenario(
    "piece", "for a test", 5, days=(("market", (0, 0, 1)), ("station", (0, 0, 1))),
    sessions=(("noon", "day"), ("dusk", "dusk"), ("night", "night")),
    vehicles=30, visitors=7, seconds=14.0, burst=1, crops=4, bays=3,
)  # fmt: skip

if __name__ == "__main__":
    manifest = render_scenario(PIECE, Path(sys.argv[1]) / "piece")
    used = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    sys.stdout.write(json.dumps({"digest": manifest.digest, "dispatched": used}))
