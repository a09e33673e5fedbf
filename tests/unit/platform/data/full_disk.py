"""A writer that may write files of so many bytes only, as on a disk that fills up; prints what a person would read.

Arguments: the snapshot's folder, the limit. The signal that comes with the limit is ignored by Python, so that the
system's refusal arrives as an error, like a full disk's.
"""

import resource
import sys
from pathlib import Path

from slipway.platform.data.errors import DataError
from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

target = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    with SnapshotWriter(target, base=Snapshot(target), shard_limit=4096) as writer:
        for number in range(300):
            image = Image(width=1, height=1, split="train", source=f"gate/{number * 7919 % 1009}.jpg")
            writer.add(b"\xff\xd8\xff disk %d" % number, image)
        writer.finish([], "unknown")
except DataError as error:
    sys.stdout.write(str(error))
