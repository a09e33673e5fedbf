"""securesystemslib's signers, imported without boto3, which they would bring along wherever it is installed.

boto3 takes longer to import than most commands need for all the rest, and whoever reads the ledger verifies signatures.
A key that lies in AWS is the one thing that needs it: `bring_aws` makes up for it.
"""

import sys
from collections.abc import Sequence
from importlib import import_module, reload
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import get_ident
from types import ModuleType
from typing import Final

LEFT_OUT: Final = "boto3"
SIGNERS: Final = "securesystemslib.signer"
OF_AWS: Final = f"{SIGNERS}._aws_signer"


class _Hidden(MetaPathFinder):
    """Says that there is no boto3, to the thread that made it; others find it."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == LEFT_OUT and get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {LEFT_OUT!r}", name=LEFT_OUT)
        return None


def _import_signers() -> None:
    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        import_module(SIGNERS)
    finally:
        sys.meta_path.remove(hidden)


def bring_aws() -> None:
    """Keys in AWS can be used from now on, where boto3 is installed."""
    signers, module = import_module(SIGNERS), import_module(OF_AWS)
    if module.AWS_IMPORT_ERROR:
        signer = reload(module).AWSSigner
        signers.SIGNER_FOR_URI_SCHEME[signer.SCHEME] = signer


_import_signers()
