"""The first lines of a child process. Run by its path, never imported: nothing of slipway may be loaded before it.

    python boot.py --parent PID WORKPLACE MODULE              run MODULE's `main(WORKPLACE)`
    python boot.py --parent PID --processes N WORKPLACE MODULE  the same in N processes of this machine, by torchrun
    python boot.py --parent PID --ahead FD NAME…              import these names now, and wait at the socket FD for the
                                                              rest of the command line

What it promises
* `slipway`, and whatever other package brings the model, has one place: the workplace's unpacked archive. A module that
  is not in there is missing, whatever is installed, and the message says what that means; at the end nothing of these
  packages may have come from elsewhere.
* The process dies with the one that started it, however that one died: workers with torchrun, torchrun with the runner.
* Asked to stop before there is anything to keep, it ends at once and can be gone on with.
"""

import argparse
import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Final, NoReturn

RESUME: Final = 75
NOT_ALONE: Final = 70
"""Ends a child that loaded code from elsewhere."""
PR_SET_PDEATHSIG: Final = 1
LONGEST_MESSAGE: Final = 65536


class Absent:
    """Comes last in the search for modules: what of the archive's packages was not found until here is not in it."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002 - the protocol
        """Nothing is found here; what is ours is explained."""
        if name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(
                f"`{name}` is not in the code archive of this run. The archive holds the model's folder and what its "
                "modules and the training's import by name. If the training needs it, import it there with an `import` "
                "statement; settings, store, command line and MLflow are not for the training.",
                name=name,
            )


def main(arguments: Sequence[str]) -> int:
    """What the command line says; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--ahead", type=int)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("words", nargs="+")
    options = parser.parse_args(arguments)
    die_with(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the runner's to pass on
    if options.ahead is not None:
        return main(["--parent", str(options.parent), *wait_at(options.ahead, options.words)])
    workplace, module = options.words
    if options.processes > 1:
        return run_several(options.processes, workplace, module)
    signal.signal(signal.SIGTERM, _nothing_to_keep)
    return run(Path(workplace), module)


def die_with(parent: int) -> None:
    """Be killed when the parent ends; end now if it did already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(RESUME)


def wait_at(descriptor: int, names: Sequence[str]) -> list[str]:
    """Import what will be needed while the runner still prepares; then take its word, the lock and the log."""
    for name in names:
        with contextlib.suppress(Exception):  # whoever needs it says what is wrong with it
            importlib.import_module(name)
    with socket.socket(fileno=descriptor) as place:
        message, descriptors, _, _ = socket.recv_fds(place, LONGEST_MESSAGE, 2)
    if not message:
        os._exit(0)  # there was nothing to do after all
    _lock, log = descriptors
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    rest: list[str] = json.loads(message)
    return rest


def run(workplace: Path, module: str) -> int:
    """Let the archive be all there is of its packages, and run its module."""
    os.chdir(workplace)
    code = workplace / "code"
    packages = take_place(code)
    result = importlib.import_module(module).main(workplace)
    foreign = foreign_files(code, packages)
    if foreign:
        sys.stderr.write(f"boot: these files were loaded and are not from the code archive: {', '.join(foreign)}\n")
        return NOT_ALONE
    return int(result or 0)


def take_place(code: Path) -> list[str]:
    """Make the archive the only place of the packages in it; their names."""
    packages = sorted(folder.name for folder in code.iterdir() if folder.is_dir())
    for name in packages:
        if not (code / name / "__init__.py").is_file():  # a namespace, which would be spread over all that is installed
            _make_namespace(name, code / name)
    sys.path.insert(0, str(code))
    sys.meta_path.append(Absent(packages))
    return packages


def _make_namespace(name: str, folder: Path) -> None:
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    package.__spec__ = ModuleSpec(name, None, is_package=True)
    package.__spec__.submodule_search_locations = package.__path__
    sys.modules[name] = package


def foreign_files(code: Path, packages: Sequence[str]) -> list[str]:
    """Files of these packages that were loaded from anywhere else."""
    files = {
        str(file)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages and (file := getattr(module, "__file__", None)) is not None
    }
    return sorted(file for file in files if not file.startswith(f"{code}{os.sep}"))


def run_several(processes: int, workplace: str, module: str) -> int:
    """Let torchrun run this file once for each process; its exit code is the worst of theirs."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args
    from torch.distributed.run import run as torchrun

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    boot = ["--parent", str(os.getpid()), workplace, module]
    options = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={processes}"]
    options += ["--no-python", sys.executable, "-P", __file__]
    try:
        torchrun(parse_args([*options, *boot]))
    except ChildFailedError as error:
        return _worst([failure.exitcode for failure in error.failures.values()])
    return 0


def _worst(codes: Sequence[int]) -> int:
    """Those that stop because another one ended say so with SIGTERM, or with RESUME."""
    real = [code for code in codes if code not in {RESUME, -signal.SIGTERM}]
    if not real:
        return RESUME
    return real[0] if real[0] > 0 else 128 - real[0]


def _nothing_to_keep(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's arguments
    os._exit(RESUME)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
