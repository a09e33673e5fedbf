"""A vault for tests: keeps a new ed25519 key in its memory, and signs what it is told to.

Its first line of output is the public key in hexadecimal. After that every line of input, in hexadecimal, is answered
with a line that is its signature.
"""

import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

key = Ed25519PrivateKey.generate()
sys.stdout.write(key.public_key().public_bytes_raw().hex() + "\n")
sys.stdout.flush()
for line in sys.stdin:
    sys.stdout.write(key.sign(bytes.fromhex(line)).hex() + "\n")
    sys.stdout.flush()
