"""The first lines of a child process. Run by its path, never imported: nothing of slipway may be loaded before it.

    python boot.py --parent PID WORKPLACE MODULE              run MODULE's `main(WORKPLACE)`
    python boot.py --parent PID --processes N WORKPLACE MODULE  the same in N processes of this machine, by torchrun
                   … --nodes M --node I --address HOST:PORT --patience SECONDS  with those of other machines
    python boot.py --parent PID --ahead FD NAME…              import these names now, and wait at the socket FD for the
                                                              rest of the command line

A MODULE that ends in `.py` is a script of the archive: it is run as `__main__` with the order's arguments, and finds
its places in SLIPWAY_SNAPSHOT, SLIPWAY_RESULTS, SLIPWAY_CHECKPOINTS, SLIPWAY_REFERENCES and, where it is to go on,
SLIPWAY_RESUME. Asked to stop, it ends when no file in its checkpoints is being written, unless it handles SIGTERM
itself. Its metrics are what it writes to `metrics.json` in the results: numbers by their names.

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
import faulthandler
import importlib
import ipaddress
import json
import math
import os
import runpy
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any, Final, NoReturn

RESUME: Final = 75
NOT_ALONE: Final = 70
"""Ends a child that loaded code from elsewhere."""
PR_SET_PDEATHSIG: Final = 1
LONGEST_MESSAGE: Final = 65536
SCRIPT: Final = ".py"
WORKERS: Final = ".workers"
"""In a workplace: torchrun has started processes, which are asked to stop themselves."""
PAUSE: Final = 0.5
WRITING: Final = 0.05
"""Seconds between two looks at whether a file is still being written."""


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
    parser.add_argument("--processes", type=int)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--node", type=int, default=0)
    parser.add_argument("--address", default="")
    parser.add_argument("--patience", type=float, default=0.0)
    parser.add_argument("words", nargs="+")
    options = parser.parse_args(arguments)
    die_with(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the runner's to pass on
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # the runner asks where it stands still
    if options.ahead is not None:
        return main(["--parent", str(options.parent), *wait_at(options.ahead, options.words)])
    workplace, module = Path(options.words[0]), options.words[1]
    if options.processes is not None:
        return run_several(options, workplace, module)
    signal.signal(signal.SIGTERM, _nothing_to_keep)
    if "RANK" in os.environ:
        (workplace / WORKERS).touch()
    return run(workplace, module)


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
    """Let the archive be all there is of its packages, and run its module or script."""
    os.chdir(workplace)
    code = workplace / "code"
    packages = take_place(code)
    if module.endswith(SCRIPT):
        result = run_script(workplace, code / module)
    else:
        result = importlib.import_module(module).main(workplace)
    foreign = foreign_files(code, packages)
    if foreign:
        sys.stderr.write(f"boot: these files were loaded and are not from the code archive: {', '.join(foreign)}\n")
        return NOT_ALONE
    return int(result or 0)


def run_script(workplace: Path, script: Path) -> int:
    """Run a script as `__main__`; what it leaves undone of a child's duties is done for it."""
    order: dict[str, Any] = json.loads((workplace / "order.json").read_bytes())
    results, began = workplace / "results", time.monotonic()
    results.mkdir(exist_ok=True)
    places = {"SNAPSHOT": order["snapshot"], "RESULTS": results, "CHECKPOINTS": workplace / "checkpoints"}
    places |= {"REFERENCES": workplace / "references", "RESUME": order["resume"] or ""}
    os.environ.update({f"SLIPWAY_{name}": str(place) for name, place in places.items()})
    sys.argv = [str(script), *map(str, order["arguments"].get("arguments", ()))]
    signal.signal(signal.SIGTERM, behind_writing(workplace / "checkpoints"))
    try:
        code = _ended(script)
        if code == 0 and os.environ.get("RANK", "0") == "0":
            _summarise(results, time.monotonic() - began)
    except Exception as error:  # noqa: BLE001 - whatever it was, the runner is told
        sys.stderr.write(note_failure(workplace, error, error.__traceback__, own_only=True))
        return 1
    return code


def behind_writing(folder: Path) -> Callable[[int, FrameType | None], None]:
    """A handler that ends this process when it has no file of the folder open for writing."""

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
        if not _writes_in(folder):
            os._exit(RESUME)
        signal.signal(signal.SIGALRM, asked)
        signal.setitimer(signal.ITIMER_REAL, WRITING)

    return asked


def _writes_in(folder: Path) -> bool:
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(folder.resolve()):
                told = Path(f"/proc/self/fdinfo/{link.name}").read_text().partition("flags:")[2].split()
                if int(told[0], 8) & os.O_ACCMODE != os.O_RDONLY:
                    return True
    return False


def _ended(script: Path) -> int:
    """The exit code of a script that comes to its end, or leaves by `sys.exit`."""
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            sys.stderr.write(f"{leaving.code}\n")
            return 1
        return leaving.code or 0
    return 0


def _summarise(results: Path, seconds: float) -> None:
    """Say that the result is whole, with the metrics that the script has left."""
    summary, told = results / "summary.json", results / "metrics.json"
    if summary.exists():
        return
    metrics = json.loads(told.read_bytes()) if told.exists() else {}
    if not isinstance(metrics, dict) or not all(_is_number(value) for value in metrics.values()):
        raise ValueError(f"{told.name} in the results should hold finite numbers by their names, as one JSON object.")
    text = json.dumps({"steps": int(metrics.get("steps", 0)), "metrics": metrics, "seconds": seconds})
    write_whole(summary, text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def note_failure(
    workplace: Path, error: BaseException, trace: TracebackType | None = None, *, own_only: bool = False
) -> str:
    """Tell what happened, unless it is told already: the others fail because the first one did. Its traceback."""
    code = str(workplace / "code")
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(code):
        trace = trace.tb_next  # how the script came to be run is of no interest
    shown = trace if own_only else trace or error.__traceback__
    lines = "".join(traceback.format_exception(type(error), error, shown))
    told = {
        "error": f"{type(error).__name__}: {error}",
        "traceback": lines,
        "rank": int(os.environ.get("RANK", "0")),
    }
    path = workplace / "failure.json"
    if not path.exists():
        write_whole(path, json.dumps(told))
    return lines


def write_whole(path: Path, text: str) -> None:
    """Give the file its name when all of it is there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)


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


def run_several(given: argparse.Namespace, workplace: Path, module: str) -> int:
    """Let torchrun run this file once for each process; its exit code is the worst of theirs."""
    signal.signal(signal.SIGTERM, lambda *_: None if (workplace / WORKERS).exists() else os._exit(RESUME))
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args
    from torch.distributed.run import run as torchrun

    boot = ["--parent", str(os.getpid()), str(workplace), module]
    options = [f"--nproc-per-node={given.processes}", "--no-python", sys.executable, "-P", __file__]
    try:
        torchrun(parse_args([*meeting(given), *options, *boot]))
    except ChildFailedError as error:
        return _worst([failure.exitcode for failure in error.failures.values()])
    except Exception as error:  # noqa: BLE001 - whatever it was, the runner is told
        note_failure(workplace, error)
        traceback.print_exc()
        return 1
    return 0


def meeting(given: argparse.Namespace) -> list[str]:
    """How the processes of all nodes find each other, as torchrun wants it."""
    if given.nodes == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        return ["--standalone", "--local-addr=127.0.0.1"]
    host, _, port = given.address.rpartition(":")
    own = []
    if all(ipaddress.ip_address(address).is_loopback for address in resolved(host, given.patience)):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        own = ["--local-addr=127.0.0.1"]
    nodes = [f"--nnodes={given.nodes}", f"--node-rank={given.node}", f"--rdzv-conf=timeout={given.patience:.0f}"]
    return [*nodes, f"--master-addr={host}", f"--master-port={port}", *own]


def resolved(host: str, patience: float) -> list[str]:
    """The addresses of a name, which may become known only after its machine has begun."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
        except OSError as error:
            if time.monotonic() >= deadline:
                raise ConnectionError(
                    f"`{host}`, where the nodes meet, is not known by that name after {patience:.0f} s ({error})"
                ) from None
        time.sleep(PAUSE)


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
