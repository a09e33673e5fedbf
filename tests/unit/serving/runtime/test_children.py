"""Child processes with limits: whatever they do, they end, with all that they have started, and it is told how."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from slipway.serving.runtime import children
from slipway.serving.runtime.children import TookTooLong, TookTooMuch, memory_of, run_child


def run(program: str, *, given: bytes = b"", seconds: float = 60, **options: float) -> children.Ended:
    return run_child([sys.executable, "-c", program], given, seconds=seconds, **options)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_is_given_its_order_and_heard_to_its_end() -> None:
    lines: list[bytes] = []
    ended = run_child(
        [sys.executable, "-c", "import sys; print(input()); print('more'); sys.stderr.write('a\\nlast'); sys.exit(3)"],
        b"order\n",
        seconds=60,
        told=lines.append,
    )
    assert (ended.code, ended.told, ended.last_words) == (3, b"order\nmore\n", "last")
    assert lines == [b"order", b"more"]
    assert ended.signal is None


def test_a_signal_that_ended_it_is_told() -> None:
    ended = run("import os; os.abort()")
    assert ended.signal == "SIGABRT"
    assert ended.last_words


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    start = f"import subprocess, sys; c = subprocess.Popen(['sleep', '600']); open({str(tmp_path / 'pid')!r}, 'w')"
    program = f"{start}.write(str(c.pid)); print('done', flush=True)"
    begun = time.monotonic()
    assert run(program).told == b"done\n"
    assert time.monotonic() - begun < 60, "somebody else held its outputs open"
    end = time.monotonic() + 60
    while alive(int((tmp_path / "pid").read_text())) and time.monotonic() < end:
        time.sleep(0.01)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_it_may_not_take_longer() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(TookTooLong, match=r"was not done after 0\.5 s"):
        run("import time; time.sleep(600)", seconds=0.5)
    assert not set(psutil.Process().children()) - before


def test_it_may_not_take_more_memory() -> None:
    with pytest.raises(TookTooMuch, match="MB of memory; 100 are allowed"):
        run("import time; x = b'x' * (200 << 20); time.sleep(600)", memory_mb=100)


def test_it_may_not_say_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MOST_TOLD", 1000)
    with pytest.raises(TookTooMuch, match="said more than 1,000 bytes"):
        run("while True: print('again')")


def test_of_its_remarks_only_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LAST_WORDS", 10)
    assert run("import sys; sys.stderr.write('x' * 300_000 + 'the end')").remarks == "xxxthe end"


def test_one_that_does_not_listen_is_no_error() -> None:
    assert run("import sys; sys.stdin.close(); print('done')", given=b"x" * 10_000_000).told == b"done\n"


def test_memory_is_told_by_the_system() -> None:
    assert memory_of(os.getpid()) > 10 << 20
    assert memory_of(os.getpid(), "VmHWM") >= memory_of(os.getpid())
    assert memory_of(1 << 30) == 0
