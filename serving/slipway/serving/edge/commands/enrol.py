"""`slipway-edge enrol`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.serving.edge.commands.options import add_home, add_json, home_of, now

if TYPE_CHECKING:
    from slipway.serving.edge.configuration import Enrolment, Home

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
BY_HAND = ("root", "root_sha256", "model", "cohort", "site", "offline")
"""What the fleet service says in place of these."""
LONGEST_TOKEN = 256
UNREACHED = "Where the channel cannot be reached, `--offline --root FILE` enrols without asking it."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    add_home(parser)
    fleet = parser.add_argument_group("by the fleet service, which says the rest")
    fleet.add_argument("--fleet", metavar="URL", help="where the fleet service is")
    fleet.add_argument("--token", metavar="TOKEN", help="the one-time token of `slipway fleet enrol`; - reads it")
    by_hand = parser.add_argument_group("without a fleet service")
    by_hand.add_argument("--channel", metavar="URL_OR_FOLDER", help="where the channel's files are")
    root = by_hand.add_mutually_exclusive_group()
    root.add_argument("--root", type=Path, metavar="FILE", help="the channel's root metadata, handed over by a person")
    root.add_argument("--root-sha256", metavar="HEX", help="the sha256 of its first root metadata, which is fetched")
    by_hand.add_argument("--model", action="append", default=[], metavar="NAME", help="to run; may be repeated")
    by_hand.add_argument("--cohort", action="append", default=[], metavar="NAME", help="may be repeated")
    by_hand.add_argument("--site", metavar="NAME", help="where it stands, as the channel names the place")
    by_hand.add_argument("--offline", action="store_true", help="do not ask the channel; --root is needed")
    parser.add_argument("--class", required=True, dest="device_class", metavar="CLASS", help="such as edge-cpu")
    parser.add_argument("--id", metavar="ID", help="the device's name (else this machine's, with a part of its key)")
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
    parser.add_argument("--again", action="store_true", help="change an enrolment; it stays the same device")
    parser.add_argument("--start-over", action="store_true", help="with --again, forget what is installed and trusted")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Make this machine a device."""
    import json

    from slipway.serving.edge.holding import held

    _check_options(options)
    home, moment = home_of(options), now()
    if options.fleet is None:
        enrolment, remarks = _by_hand(options, home, moment)
    else:
        token = _token(options.token)
        home.make()
        with held(home.folder, "enrol", moment):
            enrolment, remarks = _by_fleet(options, token, home, moment)
    if options.json:
        print(json.dumps({**enrolment.model_dump(mode="json"), "home": str(home.folder), "remarks": remarks}, indent=2))
        return 0
    print(f"This is the device {enrolment.id} of the class {enrolment.device_class}, in {home.folder}.")
    print(f"It follows {', '.join(enrolment.models)} at {enrolment.channel}, with the root {enrolment.root[:12]}.")
    if enrolment.fleet is not None:
        print(f"It tells {enrolment.fleet} how it does{f', from the site {enrolment.site}' if enrolment.site else ''}.")
    print(*remarks, sep="\n", end="\n" if remarks else "")
    print(OFFLINE_NEXT if options.offline else ONLINE_NEXT)
    return 0


def _by_hand(options: argparse.Namespace, home: "Home", moment: datetime) -> "tuple[Enrolment, tuple[str, ...]]":
    """What a person says that it is."""
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

    more = _more(options)
    wanted = Wanted(
        channel=check_place(options.channel),
        device_class=options.device_class,
        models=tuple(options.model),
        id=options.id,
        cohorts=tuple(options.cohort),
        more={**more, "site": options.site},
    )
    check_wanted(wanted, moment)
    transport = transport_of(wanted.channel, Network.model_validate(more.get("network", {})))
    with _remedy():
        root = root_from_file(options.root) if options.root else root_by_digest(transport, options.root_sha256)
        remarks = () if options.offline else check_channel(transport, root, wanted, moment)
    home.make()
    with held(home.folder, "enrol", moment):
        remarks += tuple(filter(None, [lost(home)])) if options.again else ()
        enrolment = enrol(home, wanted, root, moment, again=options.again, start_over=options.start_over)
    return enrolment, remarks


def _by_fleet(
    options: argparse.Namespace, token: str, home: "Home", moment: datetime
) -> "tuple[Enrolment, tuple[str, ...]]":
    """What the fleet service says that it is; the folder is held."""
    from slipway.serving.edge.configuration import Network
    from slipway.serving.edge.enrolment import check_fleet, enrol, lost
    from slipway.serving.edge.fleet.calling import service_of
    from slipway.serving.edge.fleet.joining import ask_to_join

    more = _more(options)
    network = Network.model_validate(more.get("network", {}))
    service = service_of(options.fleet, network)
    remarks = tuple(filter(None, [lost(home)])) if options.again else ()
    wanted, root, signer = ask_to_join(
        home,
        service,
        token,
        device_class=options.device_class,
        name=options.id,
        more=more,
        again=options.again,
        now=moment,
    )
    remarks += check_fleet(wanted, root, network, moment)
    enrolment = enrol(home, wanted, root, moment, again=options.again, start_over=options.start_over, signer=signer)
    return enrolment, remarks


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

    if (options.fleet is None) == (options.channel is None):
        raise WrongUse("Either --fleet URL with --token TOKEN, or --channel with --root: one of both ways is needed.")
    if options.fleet is not None:
        given = [name for name in BY_HAND if getattr(options, name)]
        if given:
            raise WrongUse(f"--{given[0].replace('_', '-')} does not go with --fleet: the fleet service says that.")
        if options.token is None:
            raise WrongUse("--fleet needs --token.", mend="`slipway fleet enrol` makes one for this device.")
    else:
        missing = [
            name for name, there in (("--model NAME", options.model), ("--root FILE", _root(options))) if not there
        ]
        if missing:
            raise WrongUse(f"--channel needs {' and '.join(missing)}.", mend="See `slipway-edge enrol --help`.")
        if options.token is not None:
            raise WrongUse("--token goes with --fleet.")
    if options.offline and options.root is None:
        raise WrongUse("--offline needs --root FILE: without asking the channel there is no other way to its root.")
    if options.start_over and not options.again:
        raise WrongUse("--start-over goes with --again.")


def _root(options: argparse.Namespace) -> bool:
    return options.root is not None or options.root_sha256 is not None


def _token(given: str) -> str:
    """The token; from standard input where it should not stand in the list of processes."""
    import sys

    from slipway.serving.edge.fleet.joining import check_token

    token = sys.stdin.readline(LONGEST_TOKEN).strip() if given == "-" else given.strip()
    check_token(token)
    return token


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
