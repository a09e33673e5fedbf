"""A device looks at a real channel."""

from pathlib import Path

from signed_channel import Misbehaviour, Office, serve
from slipway.serving.bundle.folder import Bundle
from slipway.serving.channel.http_transport import HttpTransport

MODEL = "small-bays"


def test_a_device_learns_what_to_run_and_fetches_it(office: Office, bundle: Bundle, tmp_path: Path) -> None:
    release = office.repository().release(MODEL, bundle.digest, 1)
    assert release is not None
    client = office.client(tmp_path / "trust")

    look = client.look(MODEL, now=office.time.now())

    assert look.base == release
    assert look.target is None
    assert look.signed_at == office.time.now()
    manifest, _ = client.manifest(release)
    assert manifest.digest == bundle.digest
    (remote,) = client.files(release, ["model.fp32.onnx"])
    assert b"".join(client.read(remote)) == (bundle.folder / "model.fp32.onnx").read_bytes()
    assert b"".join(client.read(remote, 100)) == (bundle.folder / "model.fp32.onnx").read_bytes()[100:]


def test_the_same_over_http_where_a_transfer_goes_on_where_it_stopped(
    office: Office, bundle: Bundle, tmp_path: Path
) -> None:
    release = office.repository().release(MODEL, bundle.digest, 1)
    assert release is not None
    with serve(office.folder) as served:
        client = office.client(tmp_path / "trust", HttpTransport(served.url))
        client.look(MODEL, now=office.time.now())
        (remote,) = client.files(release, ["model.fp32.onnx"])
        data = (bundle.folder / "model.fp32.onnx").read_bytes()
        assert b"".join(client.read(remote)) == data
        assert b"".join(client.read(remote, 100)) == data[100:]
        served.plan.append(Misbehaviour(remote.sha256, ignore_range=True))
        assert b"".join(client.read(remote, 100)) == data[100:]
        assert served.asked[-2].endswith("model.fp32.onnx@100")
