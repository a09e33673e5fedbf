"""Reading the head of a request: in any pieces, never a byte of the body, and with clear words for what is wrong."""

import pytest

from slipway.serving.edge.serve.head import LARGEST, MOST, Head, HeadReader
from slipway.serving.edge.serve.refusals import Refused

WHOLE = (
    b"POST /v1/models/small-bays/infer?x=1 HTTP/1.1\r\n"
    b"Host: here\r\nContent-Length: 5\r\nAccept: a\r\nACCEPT: b\r\n\r\n"
)


def read(*pieces: bytes) -> tuple[Head | None, int]:
    """The head in these pieces, and how many bytes it took."""
    reader, used = HeadReader(), 0
    for piece in pieces:
        used += reader.take(piece)
    return reader.head(), used


def test_a_head_says_where_it_goes_and_what_comes_behind_it() -> None:
    head, used = read(WHOLE + b"body!GET / HTTP/1.1\r\n\r\n")
    assert head is not None
    assert (head.method, head.path, head.length, head.keep) == ("POST", "/v1/models/small-bays/infer", 5, True)
    assert head.headers["accept"] == "a, b"
    assert used == len(WHOLE)


def test_it_is_the_same_wherever_it_is_cut() -> None:
    whole, _ = read(WHOLE)
    for cut in range(1, len(WHOLE)):
        assert read(WHOLE[:cut])[0] is None
        assert read(WHOLE[:cut], WHOLE[cut:] + b"body!") == (whole, len(WHOLE))


def test_empty_lines_before_it_are_passed_over() -> None:
    reader, data = HeadReader(), b"\r\n\r\n" + WHOLE
    data = data[reader.take(data) :]
    assert reader.head() is None
    reader.take(data)
    assert reader.head() == read(WHOLE)[0]


def test_an_offer_of_another_protocol_is_not_taken_up() -> None:
    head, _ = read(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    assert head is not None
    assert head.path == "/"


def test_an_address_with_a_host_is_a_path() -> None:
    head, _ = read(b"GET http://there:80/health/live?a HTTP/1.1\r\nHost: there\r\n\r\n")
    assert head is not None
    assert head.path == "/health/live"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_the_caller_says_whether_the_connection_stays(version: bytes) -> None:
    for said, stays in (
        (b"", version == b"1.1"),
        (b"Connection: close\r\n", False),
        (b"Connection: keep-alive\r\n", True),
    ):
        head, _ = read(b"GET / HTTP/" + version + b"\r\nHost: here\r\n" + said + b"\r\n")
        assert head is not None
        assert head.keep is stays


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\nHost: here\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost : here\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: here\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nHost: here\r\nX-Long: " + b"x" * LARGEST, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MOST + 2), 431),
    ],
)
def test_what_is_no_good_head_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        read(data)
    assert refused.value.status == status
