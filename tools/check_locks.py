"""Do the locks say what the members ask for, and is that what is installed?

requirements.lock: plain pins that satisfy every requirement of the members and of the development group, all the way
down, with nothing that nobody needs, equal to what `.venv` holds. serving/requirements.device-jp6.lock: the same for
the device part on JetPack 6, judged on the very wheels that a device would fetch. `--why NAME` tells who needs NAME.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from device_wheels import JETPACK_6, PYTHON, NoNetwork, Unresolvable, Wheel, download
from needs import Environment, Members, Needs, Source, chains, holds, installed, read_members, walk
from pins import Pins, blemishes, inexact, is_accelerator, read_pins, refusal
from progress import step
from slipway.platform.doctor.lock import drift
from workspace import DEVICE_LOCK, LOCK, ROOT

LAST_FOR_JETPACK_6 = {"numpy": SpecifierSet("==2.2.*"), "onnxruntime": SpecifierSet("==1.23.*")}
NOT_LOCKED = {"tensorrt"}
LOCKED_EXTRA = "slipway-serving[fleet,postgres]"


def this_machine() -> Environment:
    """What markers are judged by here."""
    return {variable: str(value) for variable, value in default_environment().items()}


def development_needs(members: Members, source: Source, environment: Environment) -> Needs:
    """Everything that the development environment needs, from the members and the development group."""
    roots = [("the workspace", Requirement(name)) for name in members.stated]
    roots += [("the workspace", Requirement(LOCKED_EXTRA))]
    roots += [("the group dev", one) for one in members.development if holds(one, environment)]
    return walk(roots, members.source(source), environment)


def compare(lock: str, pins: Pins, needs: Needs) -> list[str]:
    """Pins that do not satisfy a requirement, and pins that nobody needs."""
    ours = {name for name in needs.by if name.startswith("slipway-")}
    problems = [
        f"{lock}: {who} needs {requirement}, {why}. Run `make lock`."
        for who, requirement in sorted(needs.requirements, key=lambda one: (one[1].name, one[0]))
        if requirement.name not in ours and not is_accelerator(requirement.name)
        if (why := refusal(requirement, pins)) is not None
    ]
    unneeded = sorted(pins.keys() - needs.by.keys())
    return problems + [f"{lock}: nothing needs {name}. Remove its line, or state who needs it." for name in unneeded]


def exact_extras(members: Members) -> list[str]:
    """Extras that the lock leaves out must pin exactly: nothing else holds them."""
    return [
        f"{name}[{extra}]: `{requirement}` is not in the lock and must be an exact pin."
        for name, extras in members.extras.items()
        for extra in sorted(NOT_LOCKED & extras.keys())
        for requirement in inexact(extras[extra])
    ]


def development(members: Members) -> list[str]:
    """All about requirements.lock."""
    problems = blemishes(LOCK) + exact_extras(members)
    needs = development_needs(members, installed, this_machine())
    problems += compare(LOCK.name, read_pins(LOCK), needs)
    return problems + [f"{LOCK.name}: {line}. Run `make setup`." for line in drift(LOCK)]


def device(members: Members) -> list[str]:
    """What can be said about the device's lock without its wheels."""
    pins = read_pins(DEVICE_LOCK)
    stated = [one for one in members.stated[canonicalize_name("slipway-serving")] if holds(one, JETPACK_6)]
    problems = blemishes(DEVICE_LOCK) + [
        f"{DEVICE_LOCK.name}: the device part needs {requirement}, {why}. Run `make lock`."
        for requirement in stated
        if (why := refusal(requirement, pins)) is not None
    ]
    return problems + [
        f"{DEVICE_LOCK.name}: {name} must be {allowed}, the last with wheels for JetPack 6."
        for name, allowed in LAST_FOR_JETPACK_6.items()
        if (version := pins.get(canonicalize_name(name))) is None or version not in allowed
    ]


def device_wheels(members: Members, wheels: Iterable[Wheel]) -> list[str]:
    """Whether the wheels that came are those of the lock, complete, needed and right for the device's Python."""
    pins = read_pins(DEVICE_LOCK)
    came = {wheel.name: wheel for wheel in wheels}
    ours = canonicalize_name("slipway-serving")

    def source(name: NormalizedName) -> Iterable[Requirement]:
        return members.stated[name] if name == ours else came[name].requires if name in came else ()

    problems = [
        f"{DEVICE_LOCK.name}: pip also needed {name}=={came[name].version}. Run `make lock`."
        for name in sorted(came.keys() - pins.keys())
    ]
    problems += [
        f"{DEVICE_LOCK.name}: {name} {wheel.version} wants Python {wheel.python}, the device has {PYTHON}."
        for name, wheel in came.items()
        if not wheel.python.contains(JETPACK_6["python_full_version"])
    ]
    needs = walk([("a device", Requirement(ours))], source, JETPACK_6)
    return problems + compare(DEVICE_LOCK.name, pins, needs)


def resolve_device(members: Members) -> list[str]:
    """Fetch the device's wheels and judge them; without a network say so and judge nothing."""
    title = f"check_locks: {DEVICE_LOCK.name} on Python {PYTHON}, aarch64, glibc 2.35"
    try:
        with step(title), tempfile.TemporaryDirectory() as folder:
            return device_wheels(members, download(DEVICE_LOCK, Path(folder)))
    except NoNetwork as reason:
        print(f"check_locks: SKIPPED, the device's wheels were not resolved: no network ({reason}).")
        return []
    except Unresolvable as reason:
        return [f"{DEVICE_LOCK.name} has no wheels for the device. Run `make lock`. pip says:\n{reason}"]


def main() -> int:
    """Print the problems; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offline", action="store_true", help="do not fetch the device's wheels")
    parser.add_argument("--why", metavar="NAME", help="tell who needs a distribution, and leave")
    options = parser.parse_args()
    members = read_members(ROOT)
    if options.why:
        needs = development_needs(members, installed, this_machine())
        print("\n".join(chains(canonicalize_name(options.why), needs)) or f"nothing needs {options.why}")
        return 0
    problems = development(members) + device(members)
    if not options.offline and not problems:
        problems = resolve_device(members)
    for problem in problems:
        print(f"check_locks: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
