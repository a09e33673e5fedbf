"""Running `slipway …` in a process of its own: for what the training's packages do, which are not imported here.

A command that is run so is create-or-adopt, as every one of them: ended with its parent it loses nothing, and run again
it attaches to what is under way or finds what is done.
"""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from slipway.platform.errors import SlipwayError

SLIPWAY: Final = ("-P", "-c", "from slipway.platform.cli.main import run; run()")
PROGRAM: Final = "slipway: "
"""Begins the message that a command ends badly with; the lines behind it, indented, say what to do."""
STOP: Final = 5.0
"""Seconds that a command has to end when whoever runs it is interrupted."""


class CommandFailed(SlipwayError):
    """`slipway …` said no; in its words."""

    def __init__(self, message: str, code: int, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.code = code
        self.exit_code = 2 if code == 2 else 1  # noqa: PLR2004 - wrong use stays wrong use


@dataclass(frozen=True)
class Answer:
    """What a command printed as JSON, and how it ended."""

    command: str
    data: Any
    code: int
    remarks: tuple[str, ...] = ()

    def failed(self) -> CommandFailed:
        """Why it did not end well: its last message, from the line that begins with the program's name on."""
        starts = [place for place, line in enumerate(self.remarks) if line.startswith(PROGRAM)]
        if not starts:
            said = self.remarks[-1] if self.remarks else f"`slipway {self.command}` ended with code {self.code}."
            return CommandFailed(said, self.code)
        message, *rest = self.remarks[starts[-1] :]
        told = [line for line in rest if not line.startswith("  ")]
        mend = "\n".join(line.strip() for line in rest if line.startswith("  "))
        return CommandFailed("\n".join([message.removeprefix(PROGRAM), *told]), self.code, mend or None)


def ask_slipway(
    arguments: Sequence[str], root: Path, environ: Mapping[str, str], tell: Callable[[str], None]
) -> Answer:
    """Run it in the project's folder. An answer in JSON is an answer, whatever the code; none is `CommandFailed`.

    `tell` hears what it says to people, while it says it.
    """
    command = [sys.executable, *SLIPWAY, *arguments]
    with subprocess.Popen(
        command,
        cwd=root,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        remarks: list[str] = []
        listening = threading.Thread(target=_pass_on, args=(process.stderr, tell, remarks), daemon=True)
        listening.start()
        try:
            answer = process.stdout.read() if process.stdout else ""
            process.wait()
        except BaseException:
            _end(process)
            raise
        listening.join()
    said = Answer(arguments[0], _read(answer), process.returncode, tuple(remarks))
    if said.data is None:
        raise said.failed()
    return said


def _read(answer: str) -> Any:  # noqa: ANN401 - what it printed
    """None where it printed no JSON."""
    try:
        return json.loads(answer)
    except ValueError:
        return None


def _end(process: "subprocess.Popen[str]") -> None:
    """What it had launched goes on; only the looking on ends."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()


def _pass_on(stream: IO[str] | None, tell: Callable[[str], None], heard: list[str]) -> None:
    """Pass on what is said to people; a message about a bad end is left to whoever raises it."""
    ending = False
    for line in stream or ():
        if text := line.rstrip():
            heard.append(text)
            ending = text.startswith(PROGRAM) or (ending and text.startswith("  "))
            if not ending:
                tell(text)
