"""`slipway-edge enrol`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.serving.edge.commands.options import add_home, add_json, home_of, now

SECTIONS = {
    "network": ("patience_s", "least_bytes_per_second", "plain_http", "authorities"),
    "polling": ("every_s",),
    "budget": ("bytes_per_day", "bytes_per_second"),
    "": ("threads", "tensorrt_python"),
}
"""Where the options stand in `device.json`."""
ONLINE_NEXT = "Next: `slipway-edge once` installs what the channel says; `slipway-edge run` goes on following it."
OFFLINE_NEXT = (
    "Next: `slipway-edge install PATH` installs from a folder that `slipway channel export` made; "
    "`slipway-edge run` follows the channel once it can be reached."
)
UNREACHED = "Where the channel cannot be reached, `--offline --root FILE` enrols without asking it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    parser.add_argument("--channel", required=True, metavar="URL_OR_FOLDER", help="where the channel's files are")
    root = parser.add_mutually_exclusive_group(required=True)
    root.add_argument("--root", type=Path, metavar="FILE", help="the channel's root metadata, handed over by a person")
    root.add_argument("--root-sha256", metavar="HEX", help="the sha256 of its first root metadata, which is fetched")
    parser.add_argument("--class", required=True, dest="device_class", metavar="CLASS", help="such as edge-cpu")
    parser.add_argument(
        "--model", required=True, action="append", metavar="NAME", help="a model to run; may be repeated"
    )
    parser.add_argument("--id", metavar="ID", help="the device's name (else this machine's, with a part of its key)")
    parser.add_argument("--cohort", action="append", default=[], metavar="NAME", help="may be repeated")
    parser.add_argument("--threads", type=int, metavar="N", help="with which a model runs (else 1)")
    parser.add_argument("--tensorrt-python", metavar="PROGRAM", help="the Python that has tensorrt, if it is another")
    line = parser.add_argument_group("the line to the channel")
    line.add_argument("--every", dest="every_s", type=float, metavar="SECONDS", help="between two looks (else 300)")
    line.add_argument("--bytes-per-day", type=int, metavar="N", help="the most that is fetched (else without limit)")
    line.add_argument("--bytes-per-second", type=int, metavar="N", help="the same for speed")
    line.add_argument("--patience", dest="patience_s", type=float, metavar="SECONDS", help="with silence (else 30)")
    line.add_argument("--least-bytes-per-second", type=float, metavar="N", help="else it is given up (else 1024)")
    line.add_argument("--plain-http", action="store_true", default=None, help="allow http to other machines")
    line.add_argument("--authorities", metavar="FILE", help="certificates that are believed, in place of the system's")
    parser.add_argument("--offline", action="store_true", help="do not ask the channel; --root is needed")
    parser.add_argument("--again", action="store_true", help="change an enrolment; it stays the same device")
    parser.add_argument("--start-over", action="store_true", help="with --again, forget what is installed and trusted")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Make this machine a device."""
    import json

    from slipway.serving.edge.configuration import Network
    from slipway.serving.edge.enrolment import (
        Wanted,
        check_channel,
        check_place,
        check_wanted,
        enrol,
        lost,
        root_by_digest,
        root_from_file,
    )
    from slipway.serving.edge.holding import held
    from slipway.serving.edge.reaching import transport_of

    home, moment = home_of(options), now()
    wanted = Wanted(
        channel=check_place(options.channel),
        device_class=options.device_class,
        models=tuple(options.model),
        id=options.id,
        cohorts=tuple(options.cohort),
        more=_more(options),
    )
    _check_options(options)
    check_wanted(wanted, moment)
    transport = transport_of(wanted.channel, Network.model_validate(wanted.more.get("network", {})))
    with _remedy():
        root = root_from_file(options.root) if options.root else root_by_digest(transport, options.root_sha256)
        remarks = () if options.offline else check_channel(transport, root, wanted, moment)
    home.make()
    with held(home.folder, "enrol", moment):
        remarks += tuple(filter(None, [lost(home)])) if options.again else ()
        enrolment = enrol(home, wanted, root, moment, again=options.again, start_over=options.start_over)
    if options.json:
        print(json.dumps({**enrolment.model_dump(mode="json"), "home": str(home.folder), "remarks": remarks}, indent=2))
        return 0
    print(f"This is the device {enrolment.id} of the class {enrolment.device_class}, in {home.folder}.")
    print(f"It follows {', '.join(enrolment.models)} at {enrolment.channel}, with the root {enrolment.root[:12]}.")
    print(*remarks, sep="\n", end="\n" if remarks else "")
    print(OFFLINE_NEXT if options.offline else ONLINE_NEXT)
    return 0


@contextmanager
def _remedy() -> Iterator[None]:
    """Who cannot reach the channel learns how to do without it."""
    from slipway.serving.channel.transport import TransferFailed

    try:
        yield
    except TransferFailed as error:
        mend = f"{error.mend} {UNREACHED}" if error.mend else UNREACHED
        raise TransferFailed(str(error), mend=mend) from error


def _check_options(options: argparse.Namespace) -> None:
    from slipway.serving.errors import WrongUse

    if options.offline and options.root is None:
        raise WrongUse("--offline needs --root FILE: without asking the channel there is no other way to its root.")
    if options.start_over and not options.again:
        raise WrongUse("--start-over goes with --again.")


def _more(options: argparse.Namespace) -> dict[str, object]:
    """What was asked for of the sections of `device.json`; the rest has its defaults."""
    found: dict[str, object] = {}
    for section, names in SECTIONS.items():
        told = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
        if told and section:
            found[section] = told
        else:
            found |= told
    return found
