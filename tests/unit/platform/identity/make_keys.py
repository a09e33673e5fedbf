"""Make a key for each name, and print those that were made here: `make_keys.py FOLDER NAME...`."""

import sys
from pathlib import Path

from slipway.platform.identity.key_ring import KeyRing

folder, *names = sys.argv[1:]
ring = KeyRing(Path(folder))
for name in names:
    if ring.make(name):
        sys.stdout.write(f"{name}\n")
