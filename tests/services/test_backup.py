"""A history in a bucket and a PostgreSQL is copied while somebody writes it, lost, and put back in others."""

from pathlib import Path

from kept_history.drill import calling, drill
from on_servers import Servers


def test_it_comes_back_in_another_bucket_and_database(servers: Servers, tmp_path: Path) -> None:
    here, there = (
        {"SLIPWAY_STORE__URL": f"{servers.place()}/store", "SLIPWAY_FLEET__DATABASE": servers.database()}
        for _ in range(2)
    )
    with calling() as call:
        drill(call, tmp_path, servers.reach | here, servers.reach | there, servers.place())
