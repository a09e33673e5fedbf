"""The code archive: the same bytes for the same files, and nothing unpacked that is not what the digest names."""

import contextlib
import io
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.platform.runs.code.archive import archived, fetch_code, store_code, unpack
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.errors import CodeDamaged, CodeTooLarge, RunsError, SecretFound
from slipway.platform.runs.layout import code_key
from slipway.platform.store import Store

CodeOf = Callable[[Path], Code]
MODEL = "trainer/acme/training/models/bird"


@pytest.fixture
def code(tree: Path, code_of: CodeOf) -> Code:
    (tree / MODEL / "task.py").chmod(0o755)
    return code_of(tree)


def test_the_same_files_give_the_same_bytes(code: Code, clone: Path, code_of: CodeOf) -> None:
    (clone / MODEL / "task.py").chmod(0o755)
    assert archived(code_of(clone)) == archived(code)


def test_what_comes_back_is_what_was_listed_and_can_be_imported(code: Code, store: Store, tmp_path: Path) -> None:
    stored = store_code(code, store)
    assert stored.new
    assert stored.files == len(code.files)
    folder = tmp_path / "work" / "code"
    fetch_code(code.digest, store, folder)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == [file.path for file in code.files]
    assert [path for path in found if (folder / path).stat().st_mode & 0o100] == ["acme/training/models/bird/task.py"]
    assert [path.name for path in folder.parent.iterdir()] == ["code"]
    program = "import acme.training.main as main; main.run(); print(main.__file__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(folder / "acme/training/main.py"), done.stderr


def test_what_is_stored_is_not_stored_again(code: Code, store: Store) -> None:
    assert store_code(code, store).new
    for source in code.sources.values():
        source.unlink()
    assert not store_code(code, store).new


def test_a_file_that_changes_meanwhile_is_noticed(code: Code) -> None:
    code.sources["acme/training/main.py"].write_text("other = 1\n")
    with pytest.raises(RunsError, match=r"main\.py was changed while"):
        archived(code)


def test_what_is_too_large_is_refused_with_the_largest_files(tree: Path, code_of: CodeOf, store: Store) -> None:
    (tree / MODEL / "weights.bin").write_bytes(bytes(3_000_000))
    with pytest.raises(CodeTooLarge, match=r"has 3\.0 MB, 2\.0 MB are allowed\. Largest: .*weights\.bin \(3\.0 MB\)"):
        store_code(code_of(tree), store, limit=2_000_000)
    assert list(store.list()) == []


def test_a_secret_is_refused_before_anything_is_stored_and_never_said(
    tree: Path, code_of: CodeOf, store: Store
) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    (tree / MODEL / "task.py").write_text(f"import torch\nTOKEN = '{secret}'\n")
    with pytest.raises(SecretFound, match=r"task\.py:2: a GitHub token") as refused:
        store_code(code_of(tree), store)
    assert secret not in f"{refused.value} {refused.value.mend}"
    assert list(store.list()) == []
    (tree / MODEL / "task.py").write_text(f"import torch\nTOKEN = '{secret}'  # not-a-secret\n")
    assert store_code(code_of(tree), store).new


def member(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info, data


def sparse(name: str, size: int) -> tuple[tarfile.TarInfo, bytes]:
    """A file that says it is larger than any memory and takes no room in the archive."""
    info, data = member(name, b"")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": name,
                        "GNU.sparse.size": str(size), "GNU.sparse.map": f"{size},0"}  # fmt: skip
    return info, data


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "hostile",
    [
        member("/etc/cron.d/x"),
        member("../outside.py"),
        member("a/../../outside.py"),
        member("./a.py"),
        member("a//b.py"),
        member("link.py", b"", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard.py", b"", tarfile.LNKTYPE, "a.py"),
        member("folder", b"", tarfile.DIRTYPE),
        member("pipe", b"", tarfile.FIFOTYPE),
        member("a.py"),
        member("odd\udcff.py"),
        sparse("vast.py", 10**15),
    ],
    ids=lambda one: ascii(one[0].name),
)
def test_an_archive_with_anything_but_files_inside_it_is_refused_whole(
    hostile: tuple[tarfile.TarInfo, bytes], tmp_path: Path
) -> None:
    data = tar_of(member("a.py"), hostile)
    with pytest.raises(CodeDamaged, match="no ordinary file inside it, or is there twice"):
        unpack(data, "0" * 64, tmp_path / "code")
    assert list(tmp_path.iterdir()) == []


def test_one_file_more_or_less_or_another_byte_is_refused(code: Code, store: Store, tmp_path: Path) -> None:
    good = archived(code)
    for data in (good[:2048], b"", b"no tar", good.replace(b"seed: 1", b"seed: 2"), good[: len(good) // 2]):
        with pytest.raises(CodeDamaged):
            unpack(data, code.digest, tmp_path / "code")
    assert not (tmp_path / "code").exists()
    store.put(code_key(code.digest), tar_of(member("a.py")))
    with pytest.raises(CodeDamaged, match="should hold the files of"):
        fetch_code(code.digest, store, tmp_path / "code")


def test_whatever_becomes_of_an_archives_bytes_it_is_refused_in_words(seed: int, code: Code, tmp_path: Path) -> None:
    chance = random.Random(seed)
    good = archived(code)
    harmless = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.choice([1, 2, 20])):
            place = chance.randrange(0, len(data), 512) + chance.randrange(512)
            data[place] ^= chance.randrange(1, 256)
        with contextlib.suppress(CodeDamaged):  # what lies between the files does not count
            unpack(bytes(data), code.digest, tmp_path / "code")
            shutil.rmtree(tmp_path / "code")
            harmless += 1
    assert harmless < 400
    assert not (tmp_path / "code").exists()
