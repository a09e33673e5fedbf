"""DVC's remote: objects by md5 in a directory or an S3 bucket, through dvc-data's object database.

Objects appear there as a whole. What is wrong with the remote is told with its address; `ObjectGone` alone means that
it works and does not have the object.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.platform.data.errors import DataError, RemoteFailed

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB

    from slipway.platform.settings.schema import S3, Data

SETTING = "`SLIPWAY_DATA__REMOTE`, or `remote` in `[contexts.<name>.data]`"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NoRoom(DataError):
    """A disk or a quota is full; what is complete is kept."""


class ObjectGone(DataError):
    """The remote does not have an object."""


@dataclass(frozen=True)
class Remote:
    """A remote that is used through DVC's object database."""

    url: str
    odb: "HashFileDB"

    @property
    def parallel(self) -> int:
        """How many objects it pays to move at once."""
        return 8 if self.is_bucket else 2

    def address(self, oid: str) -> str:
        """An object's place, as a person would look it up."""
        path = self.odb.oid_to_path(oid)
        return f"s3://{path}" if self.is_bucket else path

    def size(self, oid: str) -> int | None:
        """An object's size, if it is there."""
        with self._told(oid):
            try:
                return int(self._files.info(self.odb.oid_to_path(oid), **self._fresh)["size"])
            except FileNotFoundError:
                return None

    def get(self, oid: str, target: Path, advance: Callable[[int], None] = lambda _: None) -> None:
        """Copy an object into a file."""
        with self._told(oid):
            try:
                self.odb.fs.get_file(self.odb.oid_to_path(oid), str(target), **self._progress(advance))
            except FileNotFoundError:
                self._must_exist()
                raise ObjectGone(
                    f"The remote {self.url} has no object {oid}.",
                    mend=f"`slipway data push` where the snapshot is whole, or correct {SETTING}.",
                ) from None

    def put(self, oid: str, source: Path) -> None:
        """Create or replace an object."""
        with self._told(oid):
            self.odb.fs.put_file(str(source), self.odb.oid_to_path(oid))

    def delete(self, oid: str) -> None:
        """Remove an object."""
        with self._told(oid):
            self.odb.delete(oid)

    def objects(self) -> Iterator[tuple[str, int, timedelta]]:
        """Every object with its size and age."""
        with self._told("the list of objects"):
            try:
                found = self._files.find(self.odb.path, detail=True, **self._fresh)
            except FileNotFoundError:
                found = {}
            now = datetime.now(UTC)
            for path, info in sorted(found.items()):
                try:
                    oid = self.odb.path_to_oid(path)
                except ValueError:
                    continue
                yield oid, int(info["size"]), now - _written(info)

    def exists(self) -> bool:
        """Whether the directory or bucket is there at all."""
        with self._told("its folder"):
            root = self.url.removeprefix("s3://").partition("/")[0] if self.is_bucket else self.url
            return bool(self._files.exists(root))

    @property
    def is_bucket(self) -> bool:
        """Whether it is a bucket, and not a directory."""
        return self.url.startswith("s3://")

    @property
    def _files(self) -> Any:  # noqa: ANN401 - fsspec has no type information
        """The file system below DVC's, which tells sizes and dates with a listing."""
        return self.odb.fs.fs if self.is_bucket else _LocalFiles()

    @property
    def _fresh(self) -> dict[str, bool]:
        """Ask the server, not what was heard from it before."""
        return {"refresh": True} if self.is_bucket else {}

    def _must_exist(self) -> None:
        if not self.exists():
            raise RemoteFailed(
                f"The remote {self.url} does not exist.",
                mend=f"Correct {SETTING}, or `slipway data push` where the snapshot is.",
            )

    def _progress(self, advance: Callable[[int], None]) -> dict[str, Any]:
        """A directory's copies are the kernel's and quick; only a server's are followed piece by piece."""
        from dvc.fs.callbacks import Callback  # type: ignore[import-untyped]

        if not self.is_bucket:
            return {}

        class Pieces(Callback):  # type: ignore[misc]  # fsspec has no type information
            def relative_update(self, inc: int = 1) -> None:
                advance(inc)

        return {"callback": Pieces()}

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except OSError as error:
            raise _explain(error, self.url, what) from error
        except (BotoCoreError, ClientError) as error:
            raise RemoteFailed(
                f"The remote {self.url} failed on {what} ({error}).",
                mend=f"Check the network, `SLIPWAY_S3__ENDPOINT`, the credentials and {SETTING}; trying again is safe.",
            ) from error


class _LocalFiles:
    """A directory, asked as fsspec asks a server."""

    def info(self, path: str) -> dict[str, float]:
        """Size and date of a file."""
        found = Path(path).stat()
        return {"size": found.st_size, "mtime": found.st_mtime}

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, float]]:
        """All files below, with the same."""
        return {str(one): self.info(str(one)) if detail else {} for one in Path(path).glob("*/*") if one.is_file()}

    def exists(self, path: str) -> bool:
        """Whether there is anything."""
        return Path(path).exists()


def open_remote(data: "Data", s3: "S3") -> Remote:
    """The remote that the settings name; nobody is asked until it is used."""
    from dvc.fs import LocalFileSystem  # type: ignore[import-untyped]
    from dvc_data.hashfile.db import HashFileDB
    from dvc_data.hashfile.db.local import LocalHashFileDB

    url = data.remote.rstrip("/")
    if not url.startswith("s3://"):
        return Remote(url, LocalHashFileDB(LocalFileSystem(), str(Path(url) / "files" / "md5")))  # type: ignore[no-untyped-call]
    from dvc_s3 import S3FileSystem  # type: ignore[import-untyped]

    secret = s3.secret_access_key
    chosen = {
        "endpointurl": s3.endpoint,
        "region": s3.region,
        "access_key_id": s3.access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
    }
    files = S3FileSystem(**{name: value for name, value in chosen.items() if value is not None})
    return Remote(url, HashFileDB(files, f"{url.removeprefix('s3://')}/files/md5", hash_name="md5"))


def no_room(error: OSError) -> bool:
    """Whether a disk or quota is full."""
    return error.errno in _FULL


def _explain(error: OSError, url: str, what: str) -> DataError:
    reason = error.strerror or str(error)
    if no_room(error):
        return NoRoom(
            f"There is no room for {what}: {error.filename or url}: {reason}.",
            mend="Free space, then do the same again: what is complete is kept.",
        )
    return RemoteFailed(f"The remote {url} failed on {what} ({reason}).", mend=f"Check the remote and {SETTING}.")


def _written(info: dict[str, Any]) -> datetime:
    when = info.get("LastModified")
    return when if isinstance(when, datetime) else datetime.fromtimestamp(float(info.get("mtime", 0)), UTC)
