"""A mirror that gives out files of any state, or none: a device sees true states only, and never an older one."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from signed_channel import Follower, Office
from slipway.serving.channel.errors import ChannelError
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.transport import NotThere, TransferFailed

if TYPE_CHECKING:
    from slipway.serving.channel.pointer import Pointer

MODEL = "small-bays"


class MixingMirror:
    """Answers each path from a state that is drawn by lot, sometimes with another file, or cut, or not at all."""

    place = "a mirror"

    def __init__(self, states: list[Path], lot: random.Random) -> None:
        self._states = [FolderTransport(state) for state in states]
        self._folders = states
        self._lot = lot
        self.newest = 0

    def _drawn(self) -> int:
        return max(self._lot.randrange(self.newest + 1), self._lot.choice([0, self.newest]))

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Half of the answers are from the newest state that there is by now."""
        luck = self._lot.random()
        if luck < 0.01:
            raise TransferFailed("no network")
        if luck < 0.02:
            raise NotThere(f"no {path}")
        if luck < 0.05 and "." in path:  # another version under this name
            name = path.rpartition("/")[2].partition(".")[2]
            others = sorted((self._folders[self._drawn()] / "metadata").glob(f"*.{name}"))
            if others:
                yield self._lot.choice(others).read_bytes()
                return
        data = b"".join(self._states[self._drawn()].open(path, start))
        yield data[: self._lot.randrange(len(data))] if luck > 0.98 else data


def test_what_a_device_sees_is_true_and_never_goes_back(
    office: Office, device: Follower, tmp_path: Path, seed: int
) -> None:
    lot = random.Random(seed)
    states: list[Path] = []
    sequences: dict[int, Pointer] = {}
    for number in range(8):
        if number % 3 == 2:
            office.new_key(lot.choice(["ada", "dora", "rollouts"]))
            assert office.repository().rotate(["root", "targets", "models", "channels", "snapshot", "timestamp"]) == ()
        pointer = office.repository().pointer(MODEL)
        assert pointer is not None
        changed = pointer.model_copy(update={"sequence": pointer.sequence + 1, "paused": not pointer.paused})
        office.repository().set_pointer(changed)
        office.repository().commit()
        sequences[changed.sequence] = changed
        states.append(tmp_path / f"state{number}")
        shutil.copytree(office.folder, states[-1])
        office.time.forward(minutes=5)
    mirror = MixingMirror(states, lot)
    seen, looks = 0, 0
    for step in range(160):
        mirror.newest = step * len(states) // 160
        try:
            look = device.look(mirror)
        except ChannelError:
            continue
        looks += 1
        assert look.pointer == sequences[look.pointer.sequence]
        assert look.pointer.sequence >= seen
        seen = look.pointer.sequence
    assert looks > 20
    assert device.look().pointer.sequence == max(sequences)
