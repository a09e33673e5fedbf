"""The folder of private keys of one person on one machine: one ed25519 key for each name, PKCS8 PEM in `NAME.pem`.

Nobody else can read it. The folder is 0700, its files 0600 from before their first byte; a folder or file that is open
to others, belongs to someone else or is a symlink is refused rather than mended, because its keys may have been read.
A key is never overwritten: it appears whole under its name, or not at all, whoever else makes one and whenever the
process is killed. Keys never live under `.slipway/`, which people copy, archive and delete.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from slipway.platform.errors import WrongUse
from slipway.platform.identity.errors import IdentityError
from slipway.platform.identity.names import checked_name, is_name
from slipway.platform.names import suggestion

FOLDER_MODE = 0o700
FILE_MODE = 0o600
LARGEST_FILE = 16 * 1024
SUFFIX = ".pem"
LOCK = ".lock"
UNFINISHED = ".unfinished-"
STATE_FOLDER = ".slipway"


class KeyRing:
    """Private keys in a folder. `owner` is the user id that must own everything; the process's own unless given."""

    def __init__(self, folder: Path, *, owner: int | None = None) -> None:
        if STATE_FOLDER in (*folder.absolute().parts, *folder.resolve().parts):
            raise WrongUse(
                f"Private keys must not live under {STATE_FOLDER}/, and identity.keys is {folder}.",
                mend="Leave identity.keys unset, which means ~/.config/slipway/keys.",
            )
        self.folder = folder
        self._owner = os.geteuid() if owner is None else owner

    def names(self) -> tuple[str, ...]:
        """Whose keys are here."""
        if not os.path.lexists(self.folder):
            return ()
        with self._opened() as folder:
            entries = os.listdir(folder)  # noqa: PTH208 - of the open folder, which has no path
        stems = [entry.removesuffix(SUFFIX) for entry in entries if entry.endswith(SUFFIX)]
        return tuple(sorted(stem for stem in stems if is_name(stem)))

    def make(self, name: str) -> bool:
        """Make a key for a name that has none; whether one was made."""
        file = checked_name(name) + SUFFIX
        self._make_folder()
        with self._opened() as folder, _locked(folder):
            _sweep(folder)
            if _exists(folder, file):
                return False
            return _place(folder, file, CryptoSigner.generate_ed25519().private_bytes)

    def load(self, name: str) -> CryptoSigner:
        """The key of that name, ready to sign."""
        file = checked_name(name) + SUFFIX
        known = self.names()
        if name not in known:
            raise WrongUse(
                f"There is no key of `{name}` in {self.folder}.",
                mend=f"{suggestion(name, known)} `slipway identity init {name}` makes one.",
            )
        with self._opened() as folder:
            return _parsed(self._read(folder, file), self.folder / file)

    def _make_folder(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.folder.mkdir(FOLDER_MODE)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder itself, not whatever its name may stand for a moment later."""
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise _not_the_place(self.folder, "folder") from None
            raise
        try:
            self._check(os.fstat(folder), self.folder, FOLDER_MODE)
            yield folder
        finally:
            os.close(folder)

    def _read(self, folder: int, name: str) -> bytes:
        path = self.folder / name
        try:
            # Not blocking: someone may have put a pipe here.
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _not_the_place(path, "file") from None
            raise
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise _not_the_place(path, "file")
            self._check(found, path, FILE_MODE)
            return os.read(file, LARGEST_FILE)
        finally:
            os.close(file)

    def _check(self, found: os.stat_result, path: Path, mode: int) -> None:
        """Refuse what others own or can reach."""
        if found.st_uid != self._owner:
            raise IdentityError(
                f"{path} belongs to user {found.st_uid}, expected {self._owner}.",
                mend="Keys are used by the account that made them. Make your own with `slipway identity init NAME`.",
            )
        allowed = stat.S_IMODE(found.st_mode)
        if allowed & ~mode & 0o777:
            raise IdentityError(
                f"{path} is open to others: its mode is {allowed:04o}, expected {mode:04o}.",
                mend=f"chmod {mode:o} {path}\nIf others use this machine, revoke the key and make a new one.",
            )


def _not_the_place(path: Path, kind: str) -> IdentityError:
    what = "a symlink" if path.is_symlink() else f"not a {kind}"
    return IdentityError(f"{path} is {what}; expected a {kind} of its own.", mend=f"Put the real {kind} there.")


@contextmanager
def _locked(folder: int) -> Iterator[None]:
    """One maker of keys at a time."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(LOCK, flags, FILE_MODE, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(folder: int) -> None:
    """Remove what makers left that were killed; under the lock nobody else is making one."""
    for entry in os.listdir(folder):
        if entry.startswith(UNFINISHED):
            os.unlink(entry, dir_fd=folder)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _place(folder: int, name: str, data: bytes) -> bool:
    """Write a file that appears whole under its name, unless there is one; whether this one did."""
    unfinished = UNFINISHED + token_hex(8)
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(file)
        os.link(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        return False
    finally:
        os.unlink(unfinished, dir_fd=folder)
    os.fsync(folder)
    return True


def _parsed(data: bytes, path: Path) -> CryptoSigner:
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityError(
            f"{path} is not a private key without a passphrase in PEM: {error}",
            mend="Move it away; `slipway identity init` makes a new key under the same name.",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(
            f"{path} is not an ed25519 key.", mend="Other kinds are used from a vault: identity.signer."
        )
    return CryptoSigner(key)
