"""What the fleet adds to lineage: from a device's decision to its release, and from a release to devices and decisions.

Installed under the entry-point group `slipway.lineage`. What device, release and site were, the fleet store says;
without one, or where it does not know the device, the ledger alone says which releases have the bundle that the
decision names.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError as PlatformError
from slipway.platform.ledger.describing import moment
from slipway.platform.ledger.entry import Action
from slipway.platform.lineage import things
from slipway.platform.lineage.graph import Kind, Node
from slipway.serving.edge.decisions import DecisionId, parse_id
from slipway.serving.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.platform.lineage.gathering import Gatherer
    from slipway.serving.fleet.facts import DeviceFacts
    from slipway.serving.fleet.reader import FleetReader
    from slipway.serving.fleet.store.reading import Span

_LOOKS_SO: Final = re.compile(r"\d{8}T\d{12}Z\..+")


class Tracing:
    """Knows events, and the devices of releases."""

    def __init__(self, gatherer: "Gatherer") -> None:
        self._gatherer = gatherer

    def named(self, name: str) -> Iterator[Node]:
        """A decision of a device, by its id."""
        if _LOOKS_SO.fullmatch(name):
            told = parse_id(name)
            facts = things.told(id=name, device=told.device, at=f"{told.at.isoformat(sep=' ')}", bundle=told.bundle)
            yield Node(Kind.EVENT, name, f"decision of {told.device}, {moment(told.at)} UTC", facts)

    def known(self, name: str) -> Iterator[Node]:
        """A device, by its id."""
        try:
            found = self._fleet.device(name) if self._fleet is not None else None
        except (PlatformError, SlipwayError) as error:
            self._remark(str(error))
            return
        if found is not None:
            yield _device(name, found)

    def up(self, node: Node) -> None:
        """What an event came from: device, release, how its site was configured; of a device, its releases."""
        if node.kind is Kind.DEVICE and node.id == self._gatherer.graph.start:
            self._ran_on(node)
        if node.kind is not Kind.EVENT:
            return
        told, graph = parse_id(node.name), self._gatherer.graph
        device, spans = self._known(told.device)
        graph.join(_device(told.device, device), node, "device of")
        for release in self._releases(told, spans):
            graph.join(release, node, "release of")
        if device is not None and device.site is not None:
            self._configured(node, device, device.site, told)

    def down(self, node: Node) -> None:
        """What came of a release: the devices that run or ran it."""
        if node.kind is not Kind.RELEASE:
            return
        model, _, number = node.name.rpartition("/")
        if self._fleet is None or not number.isdecimal():
            return
        for name, (begin, end) in self._fleet.runners(model, int(number)).items():
            span = things.told(since=f"{moment(begin)} UTC", until=f"{moment(end)} UTC" if end else None)
            self._gatherer.graph.join(
                node, Node(Kind.DEVICE, name, f"device {name}", span), "ran on" if end else "runs on"
            )

    def rows(self, node: Node) -> Iterator[Sequence[str]]:
        """The decisions of a release that the store knows."""
        if node.kind is not Kind.RELEASE or self._fleet is None:
            return
        model, _, number = node.name.rpartition("/")
        for name in self._fleet.decisions(model, int(number)):
            told = parse_id(name)
            yield name, model, number, told.device, told.at.isoformat(), told.bundle

    @cached_property
    def _fleet(self) -> "FleetReader | None":
        """The store, open as long as this is; None where there is none, which is said once."""
        from slipway.serving.fleet.opened import open_reader

        found = self._gatherer.closing.enter_context(open_reader(self._gatherer.desk.loaded))
        if found is None:
            self._remark("There is no fleet store here, so nobody knows which devices ran what.")
        return found

    def _ran_on(self, node: Node) -> None:
        """The releases of a device, the newest first."""
        for span in self._fleet.spans(node.name) if self._fleet is not None else ():
            release = self._gatherer.release_node(span.model, str(span.release)) if span.release else None
            if release is not None:
                what = "ran" if span.end else "runs"
                self._gatherer.graph.join(release, node, f"{what} since {moment(span.begin)} UTC on")

    def _known(self, name: str) -> "tuple[DeviceFacts | None, Sequence[Span]]":
        """What the store says of a device."""
        try:
            if self._fleet is None:
                return None, ()
            device, spans = self._fleet.device(name), self._fleet.spans(name)
        except (PlatformError, SlipwayError) as error:
            self._remark(str(error))
            return None, ()
        if device is None:
            self._remark(f"The fleet store does not know a device `{name}`.")
        return device, spans

    def _releases(self, told: DecisionId, spans: "Sequence[Span]") -> list[Node]:
        """The release that ran there and then; by the ledger alone, the newest with that bundle before the moment."""
        if found := self._ran(told, spans):
            return [found]
        entries = [
            one
            for one in self._gatherer.entries
            if one.entry.decision.action is Action.RELEASE
            and one.entry.decision.subjects.get("bundle", "").startswith(told.bundle)
        ]
        before = [one for one in entries if one.entry.at <= told.at]
        if chosen := (before or entries)[-1 if before else 0 :][:1]:
            if len(entries) > 1 or not before:
                self._remark(f"By the ledger alone: its bundle {told.bundle} is that of {len(entries)} releases.")
            return [things.release(one) for one in chosen]
        bundles = [one for digest, one in self._gatherer.catalogue.bundles.items() if digest.startswith(told.bundle)]
        self._remark(f"The ledger tells of no release whose bundle begins with {told.bundle}.")
        return [things.bundle(one) for one in bundles]

    def _ran(self, told: DecisionId, spans: "Sequence[Span]") -> Node | None:
        """What ran nearest to the moment, of what has that bundle: the device's clock may have been off."""
        fits = [one for one in spans if (one.bundle or "").startswith(told.bundle)]
        if not fits:
            return None
        span = min(fits, key=lambda one: _apart(one, told))
        return self._gatherer.release_node(span.model, str(span.release)) if span.release else None

    def _configured(self, node: Node, device: "DeviceFacts", site: str, told: DecisionId) -> None:
        """The configuration that was meant for the device by then. Which one it took, its event says."""
        if all(one.entry.decision.action is not Action.CONFIGURE for one in self._gatherer.entries):
            return
        from slipway.serving.release.sites import meant_for

        found = meant_for(self._gatherer.entries, site, device.id, device.cohorts, told.at)
        if found is not None:
            what = f"configuration {found.number} of site {site} of"
            self._gatherer.graph.join(things.decision(found.written), node, what)

    def _remark(self, text: str) -> None:
        self._gatherer.graph.remarks.append(text)


def _apart(span: "Span", told: DecisionId) -> float:
    """Seconds between the moment and the span; 0 within it."""
    if told.at < span.begin:
        return (span.begin - told.at).total_seconds()
    return max(0.0, (told.at - span.end).total_seconds()) if span.end else 0.0


def _device(name: str, facts: "DeviceFacts | None") -> Node:
    if facts is None:
        return Node(Kind.DEVICE, name, f"device {name}", things.told(id=name))
    told = things.told(
        id=name,
        site=facts.site,
        device_class=facts.device_class,
        enrolled=f"{moment(facts.enrolled_at)} UTC",
        revoked=f"{moment(facts.revoked_at)} UTC" if facts.revoked_at else None,
    )
    return Node(Kind.DEVICE, name, f"device {name} of site {facts.site or '-'}", told)
