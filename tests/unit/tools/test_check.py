"""`make check` stops at the first failure and says which check it was and what to do."""

import pytest

import check


@pytest.fixture(autouse=True)
def three_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that passes, one that fails, one that would pass."""
    monkeypatch.setattr(
        check,
        "CHECKS",
        (
            check.Check("first", ("python", "-c", "pass")),
            check.Check("second", ("python", "-c", "raise SystemExit(3)"), mend="make format"),
            check.Check("third", ("python", "-c", "pass")),
        ),
    )


def run(monkeypatch: pytest.MonkeyPatch, *names: str) -> int:
    monkeypatch.setattr("sys.argv", ["check.py", *names])
    return check.main()


def test_the_first_failure_is_named_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 1
    output = capfd.readouterr().out
    assert "check first: ok" in output
    assert "check: `second` failed. Alone: make check ONLY=second" in output
    assert "check: to mend it: make format" in output
    assert "third" not in output


def test_checks_can_be_run_alone(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "third", "first") == 0
    assert "second" not in capfd.readouterr().out


def test_an_unknown_check_is_refused_with_the_names_there_are(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "fourth")
    assert "no check is called fourth; there are first, second, third" in capfd.readouterr().err
