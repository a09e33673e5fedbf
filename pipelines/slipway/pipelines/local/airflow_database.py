"""Brings Airflow's database to its schema, and makes the pools of the project's targets. Run as a component."""

import os
import sys
from pathlib import Path

from slipway.pipelines.airflow.pools import pools_of
from slipway.platform.settings import load


def main() -> int:
    """Both, each of which changes nothing when it is so already."""
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    upgradedb()
    for name, pool in pools_of(load(Path(os.environ["SLIPWAY_PROJECT"]), os.environ).settings).items():
        Pool.create_or_update_pool(name, **pool)
    return 0


if __name__ == "__main__":
    sys.exit(main())
