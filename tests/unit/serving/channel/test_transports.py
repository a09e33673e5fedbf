"""The ways to a channel's files, by themselves."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signed_channel import Misbehaviour, serve
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.http_transport import HttpTransport, Pace
from slipway.serving.channel.opening import open_transport
from slipway.serving.channel.transport import NotThere, Skipped, TransferFailed
from slipway.serving.errors import WrongUse

DATA = bytes(range(256)) * 2000
IMPATIENT = Pace(connect_seconds=1, silent_seconds=5, patience_seconds=0.2, least_bytes_per_second=1e6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files/targets").mkdir(parents=True)
    (tmp_path / "files/targets/a.bin").write_bytes(DATA)
    return tmp_path / "files"


@pytest.mark.parametrize("start", [0, 1, 255, len(DATA) - 1])
def test_a_file_from_any_place_on(folder: Path, start: int) -> None:
    assert b"".join(FolderTransport(folder).open("targets/a.bin", start)) == DATA[start:]
    with serve(folder) as served:
        transport = HttpTransport(served.url)
        assert b"".join(transport.open("targets/a.bin", start)) == DATA[start:]
        assert b"".join(transport.open("targets/a.bin")) == DATA
        served.plan.append(Misbehaviour(ignore_range=True))
        assert b"".join(transport.open("targets/a.bin", start)) == DATA[start:]
        transport.close()


def test_what_was_here_already_and_comes_again_is_told(folder: Path) -> None:
    with serve(folder, Misbehaviour(ignore_range=True)) as served:
        pieces = list(HttpTransport(served.url).open("targets/a.bin", 200_000))
    assert sum(one.size for one in pieces if isinstance(one, Skipped)) == 200_000
    assert sum(map(len, pieces)) == len(DATA) - 200_000


def test_nothing_lies_behind_the_end(folder: Path) -> None:
    assert list(FolderTransport(folder).open("targets/a.bin", len(DATA))) == []
    with serve(folder) as served, pytest.raises(TransferFailed, match="status 416"):
        list(HttpTransport(served.url).open("targets/a.bin", len(DATA)))
    with serve(folder, Misbehaviour(ignore_range=True)) as served, pytest.raises(TransferFailed, match="before the pl"):
        list(HttpTransport(served.url).open("targets/a.bin", len(DATA) + 1))


def test_the_connection_is_kept_also_behind_a_refusal(folder: Path) -> None:
    with serve(folder) as served:
        transport = HttpTransport(served.url)
        for path in ("targets/a.bin", "none", "targets/a.bin"):
            with suppress(NotThere):
                list(transport.open(path))
        assert served.connections == 1


def test_a_connection_that_lay_idle_is_not_relied_on(folder: Path) -> None:
    with serve(folder) as served:
        transport = HttpTransport(served.url, pace=Pace(kept_seconds=0))
        for _ in range(3):
            assert b"".join(transport.open("targets/a.bin")) == DATA
        assert served.connections == 3


def test_who_stops_reading_leaves_a_transport_that_works(folder: Path) -> None:
    with serve(folder) as served:
        before = threading.active_count()
        transport = HttpTransport(served.url)
        pieces = transport.open("targets/a.bin")
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert b"".join(transport.open("targets/a.bin")) == DATA
        assert threading.active_count() < before + 5


def test_a_server_that_answers_with_another_part_is_refused(folder: Path) -> None:
    with serve(folder, Misbehaviour(shifted_range=7)) as served, pytest.raises(TransferFailed, match="another part"):
        list(HttpTransport(served.url).open("targets/a.bin", 100))


def test_time_in_which_nobody_waits_for_the_network_does_not_count(folder: Path) -> None:
    with serve(folder) as served:
        pieces = HttpTransport(served.url, pace=IMPATIENT).open("targets/a.bin")
        got = [next(pieces)]
        threading.Event().wait(0.5)  # a slow disk
        assert b"".join([*got, *pieces]) == DATA


def test_an_endless_file_that_trickles_is_cut(folder: Path) -> None:
    with (
        serve(folder, Misbehaviour(seconds_a_byte=0.02)) as served,
        pytest.raises(TransferFailed, match="too slowly: expected 1,000,000 bytes a second or more"),
    ):
        list(HttpTransport(served.url, pace=IMPATIENT).open("targets/a.bin"))


def test_a_server_that_says_nothing_in_the_handshake_is_cut() -> None:
    """It takes the connection and then sends TLS garbage, a byte now and then."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 1000:
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return
                    if ended.wait(0.05):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            transport = HttpTransport(f"https://127.0.0.1:{listening.getsockname()[1]}", pace=IMPATIENT)
            with pytest.raises(TransferFailed, match=r"too slowly|handshake operation timed out"):
                list(transport.open("a"))
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://models.example.org/channel", "is not encrypted"),
        ("ftp://127.0.0.1/x", "is no address of a channel"),
        ("https://", "is no address"),
        ("https://user:secret@models.example.org", "has a password in it"),
        ("https://models.example.org/?x=1", "is no address of a channel"),
        ("http://localhost.example.org/", "is not encrypted"),
        ("https://[::", "is no address"),
    ],
)
def test_addresses_that_are_refused(address: str, message: str) -> None:
    with pytest.raises(WrongUse, match=message) as told:
        open_transport(address)
    assert "secret" not in str(told.value)
    assert ("--plain-http" in str(told.value.mend)) == ("encrypted" in message)


def test_addresses_that_are_not() -> None:
    for address in ("http://127.0.0.1:8000/a/", "http://[::1]:80", "http://localhost/x", "https://a.example.org/x"):
        assert open_transport(address).place == address.rstrip("/")
    assert open_transport("http://models.example.org", plain=True).place == "http://models.example.org"


def test_a_path_leaves_no_folder(folder: Path) -> None:
    transport = FolderTransport(folder / "targets")
    for path in ("../files/targets/a.bin", "/etc/passwd", "./a.bin", "a//b", ""):
        with pytest.raises(Untrusted, match="does not lie in"):
            transport.open(path)


def test_only_plain_files_are_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(Untrusted, match="is no plain file"):
        list(FolderTransport(folder).open("pipe"))
    with pytest.raises((Untrusted, TransferFailed)):
        list(FolderTransport(folder).open("targets"))
    with pytest.raises(NotThere):
        FolderTransport(folder).open("targets/a.bin/b")
    (folder / "link").symlink_to("targets/a.bin")
    with pytest.raises(Untrusted, match="is a link"):
        FolderTransport(folder).open("link")


def test_tls_is_checked(folder: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    with tls_server(folder, certificate) as url:
        known = HttpTransport(url, authorities=certificate)
        assert b"".join(known.open("targets/a.bin")) == DATA
        with pytest.raises(TransferFailed, match="certificate verify failed") as told:
            list(HttpTransport(url).open("targets/a.bin"))
        assert "date" in str(told.value.mend)


@contextmanager
def tls_server(folder: Path, certificate: Path) -> Iterator[str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = certificate.with_name("private.pem")
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
