"""The device's own code and the service's: a token becomes a device, and what it counts arrives once."""

from pathlib import Path

from securesystemslib.signer import CryptoSigner

from fleet_service.running import ROOT, running
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.agent.metering import UNLIMITED
from slipway.serving.edge.agent.state import State
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.book import Book, read_page
from slipway.serving.edge.fleet.calling import Service
from slipway.serving.edge.fleet.joining import join, public_of, signer_of, signing_with
from slipway.serving.edge.fleet.sending import Sender
from slipway.serving.edge.fleet.telling import Standings
from slipway.serving.edge.telemetry.collecting import Collector
from slipway.serving.edge.telemetry.spool import Spool
from slipway.serving.edge.telemetry.telling import DeviceTelemetry


def test_a_device_joins_twice_with_one_token_and_reports(tmp_path: Path) -> None:
    home, clock = Home(tmp_path / "device"), SystemClock()
    home.make()
    signer = signer_of(home, make=True)
    with running(tmp_path / "service") as service:
        token, line = service.token(), Service(service.url)
        first = join(line, signer, token, "gate-1", "edge-cpu")
        again = join(line, signer, token, "gate-1", "edge-cpu")
        assert first.enrolled == again.enrolled
        assert first.enrolled.root == ROOT
        assert again.sequence > first.sequence
        collector = Collector(lambda: Spool(home.folder / "spool.db"), now=clock.now)
        device = Enrolment(
            id="gate-1", device_class="edge-cpu", channel="/c", models=first.enrolled.models, enrolled_at=clock.now(),
            public_key=public_of(signer), root="0" * 64,
        )  # fmt: skip
        states = {model: State(model=model) for model in device.models}
        standings = Standings(device, clock, states, DeviceTelemetry(collector, clock))
        sender = Sender(
            line, Book(home), standings, collector, device=device.id, sign=signing_with(signer), clock=clock,
            meter=UNLIMITED, draw=lambda: 0.5,
        )  # fmt: skip
        for _ in range(3):
            collector.count("frames", 7)
            collector.flush()
        collector.state(device.models[0], {"phase": "idle"})
        sender.send()
        assert collector.batch(1) is None
        assert read_page(home).trouble is None
        other = Sender(
            line, Book(home), standings, collector, device=device.id,
            sign=signing_with(CryptoSigner.generate_ed25519()), clock=clock, meter=UNLIMITED, draw=lambda: 0.5,
        )  # fmt: skip
        other.send()
        trouble = read_page(home).trouble
        assert trouble is not None
        assert trouble.kind == "revoked", "another key speaks for nobody"
        collector.close()
