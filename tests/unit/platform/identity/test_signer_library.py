"""Signers come without boto3, until a key lies in AWS; in a process of its own, for others have imported it here."""

import subprocess
import sys

PROGRAM = """
import sys
import threading

from slipway.platform.identity import signer_library
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner

assert "boto3" not in sys.modules
key = CryptoSigner.generate_ecdsa().public_key
try:
    SIGNER_FOR_URI_SCHEME["awskms"].from_priv_key_uri("awskms:alias/ada", key)
except Exception as error:
    print("before:", type(error).__name__)
found = []
sys.meta_path.insert(0, signer_library._Hidden())
other = threading.Thread(target=lambda: found.append(__import__("boto3")))
other.start(), other.join()
del sys.modules["boto3"]
try:
    import boto3
except ModuleNotFoundError:
    print("hidden from one thread, and another has found", len(found))
del sys.meta_path[0]
signer_library.bring_aws()
print("after:", type(SIGNER_FOR_URI_SCHEME["awskms"].from_priv_key_uri("awskms:alias/ada", key)).__name__)
"""


def test_boto3_is_imported_for_a_key_in_aws_alone() -> None:
    environ = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "before: UnsupportedLibraryError",
        "hidden from one thread, and another has found 1",
        "after: AWSSigner",
    ], done.stderr
