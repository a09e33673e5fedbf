"""People at machines of their own, with the real `slipway channel` in one project."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signed_channel import Office, Time
from slipway.platform.cli.main import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Machines:
    """Each person's machine has only their own key; the project and the channel are the same for all."""

    office: Office
    own: bool = False
    """Whether people make and move their keys by themselves; else they have what the office has of theirs."""

    def home(self, who: str) -> Path:
        """Where somebody's key lies."""
        home = self.office.root / f"home-of-{who}"
        if self.own:
            if not home.exists() and who in self.office.ring.names():
                self.office.alone(who)
            home.mkdir(exist_ok=True)
            return home
        self.office.alone(who)
        name = f".config/slipway/keys/{who}.pem"
        (home / name).write_bytes((self.office.root / "home" / name).read_bytes())
        return home

    def at(self, who: str, *arguments: str, **environ: str) -> Done:
        """Run `slipway channel` at that person's machine; `everybody` has all keys."""
        return self.slipway(who, "channel", *arguments, **environ)

    def slipway(self, who: str, *arguments: str, **environ: str) -> Done:
        """Run any command there."""
        home = self.office.root / "home" if who == "everybody" else self.home(who)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.office.root)
            for name, value in {**self.office.environ, "HOME": str(home), **environ}.items():
                patch.setenv(name, value)
            try:
                code = main(list(arguments))
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Done(code, out.getvalue(), err.getvalue())

    def well(self, who: str, *arguments: str, **environ: str) -> str:
        """The same, where it must go well; what it printed."""
        done = self.at(who, *arguments, **environ)
        assert done.code == 0, f"{who}: slipway channel {' '.join(arguments)}\n{done.out}{done.err}"
        return done.out


def days_ago(days: float) -> Time:
    return Time(datetime.now(UTC).replace(microsecond=0) - timedelta(days=days))
