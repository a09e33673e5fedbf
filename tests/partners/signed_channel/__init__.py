"""A real channel: people with real keys, real python-tuf on both sides, in a folder that a web server could give out.

    office = Office(tmp_path).open()          # ada, ben, cleo: channel-root; dora: releaser; rollouts: the service
    bundle = small_onnx.bundle(tmp_path / "bundle")
    office.lead(bundle)                       # release 1, to everybody, committed
    client = office.client(tmp_path / "trust")
    client.look("small-bays", now=office.time.now())

Time stands still until `office.time.forward(days=…)`. `Thief` signs with stolen keys; `serve` gives a folder out, well
or badly; `Follower` is a device without an agent.
"""

from signed_channel.device import Follower, WrongDigest
from signed_channel.killing import Killed, KillingStore
from signed_channel.office import Office, Time
from signed_channel.servers import Misbehaviour, Served, serve
from slipway.serving.fleet.simulation.thief import Thief

__all__ = [
    "Follower",
    "Killed",
    "KillingStore",
    "Misbehaviour",
    "Office",
    "Served",
    "Thief",
    "Time",
    "WrongDigest",
    "serve",
]
