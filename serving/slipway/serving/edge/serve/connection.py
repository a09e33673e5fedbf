"""One caller's connection: requests one after the other, each answered before the next one is looked at.

    HEAD      waits for a request, or reads its head
    BODY      receives the body, into the array that the model will be given
    ANSWER    the site works on the answer; what comes meanwhile waits, and a caller that sends too much is not read
    LEAVING   the last answer was given; what still comes is thrown away, or it would take the answer with it

Nothing is awaited: the transport calls, and `check` is called each second for whatever takes too long.
"""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.serve.head import Head, HeadReader
from slipway.serving.edge.serve.refusals import RETRY, Refused, explained
from slipway.serving.edge.serve.response import CONTINUE, Response, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.serving.edge.serve.house import House

AHEAD: Final = 64 * 1024
"""Bytes that a caller may send before the answer to what it sent before."""
LEAST_RATE: Final = 16 * 1024
"""Bytes in a second that a caller may not fall below, sending or reading."""

Buffer = npt.NDArray[np.uint8]
WHOLE: Final = "Send it whole, with as many bytes of body as Content-Length says."
NOTHING: Final[Buffer] = np.empty(0, np.uint8)


class Exchange(Protocol):
    """One request and its answer."""

    @property
    def most(self) -> int:
        """Bytes of body that it may have."""

    def answer(self, body: Buffer, done: "Callable[[Response], None]", *, alone: bool) -> None:
        """Work on the answer and call `done` with it, once; `alone` where nobody else has asked in the meantime."""

    def abandon(self) -> None:
        """Nobody waits any more."""


class Site(Protocol):
    """What stands behind the connections."""

    def admit(self, head: Head) -> Exchange:
        """Begin with a request; `Refused` before any of its body is read."""


class Phase(Enum):
    """Where a connection is."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    LEAVING = "leaving"


class Connection(asyncio.BufferedProtocol):
    """One of them."""

    def __init__(self, house: "House") -> None:
        self._house = house
        self._transport: asyncio.Transport
        self._phase = Phase.HEAD
        self._reader: HeadReader | None = None
        self._ahead = b""
        self._head: Head | None = None
        self._body = NOTHING
        self._hole = memoryview(b"")
        """The part of the body that has not come yet."""
        self._exchange: Exchange | None = None
        self._since = self._moved = 0.0
        """When the request began, or leaving; when something came last."""
        self._stuck: float | None = None
        """Until when the caller must have read what it was told; None where it has."""
        self._paused = self._advancing = False
        self._last = self._ended = self._lost = False
        """There is no request after this one; the caller sends no more; the connection is no more."""

    @property
    def idle(self) -> bool:
        """Whether no request has begun."""
        return self._phase is Phase.HEAD and self._reader is None and not self._ahead

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # so that `pause_writing` tells of every byte that is not read
        self._since = self._moved = self._house.now()
        if not self._house.enter(self):
            self._refuse(Refused(503, "Too many connections.", mend="Ask again later.", headers=RETRY))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lost = True
        self._house.leave(self)
        self._forget()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._hole if self._phase is Phase.BODY else self._house.scratch

    def buffer_updated(self, nbytes: int) -> None:
        self._moved = self._house.now()
        if self._phase is Phase.BODY:
            self._hole = self._hole[nbytes:]
            if not self._hole:
                self._ask()
                self._advance()
        elif self._phase is not Phase.LEAVING:
            self._ahead += self._house.scratch[:nbytes]
            self._advance()
            self._pause()

    def eof_received(self) -> bool:
        """A caller may close its side and wait for its answers; one in the middle of a request has sent too little."""
        self._ended = True
        if self._phase is Phase.BODY or (self._phase is Phase.HEAD and self._reader is not None):
            self._refuse(Refused(400, "The request ended before it was complete.", mend=WHOLE))
        return self._phase is Phase.ANSWER or bool(self._ahead)

    def pause_writing(self) -> None:
        unread = self._transport.get_write_buffer_size()
        self._stuck = self._house.now() + self._house.limits.request_s + unread / LEAST_RATE

    def resume_writing(self) -> None:
        self._stuck = None
        self._advance()

    def check(self, now: float) -> None:
        """End what takes too long."""
        limits = self._house.limits
        if self._stuck is not None:
            if now > self._stuck:
                self._transport.abort()
        elif self._phase is Phase.LEAVING:
            if now - self._since > limits.leaving_s:
                self._transport.abort()
        elif self.idle:
            if now - self._moved > limits.idle_s:
                self._transport.close()
        elif self._phase is Phase.HEAD and now - self._since > limits.request_s:
            self._refuse(Refused(408, f"The request's head was not complete after {limits.request_s:g} s.", mend=WHOLE))
        elif self._phase is Phase.BODY:
            allowed = limits.request_s + len(self._body) / LEAST_RATE
            if now - self._moved > limits.request_s or now - self._since > allowed:
                missing = f"The body came too slowly: {len(self._hole):,} bytes are missing."
                self._refuse(Refused(408, missing, mend=WHOLE))

    def cut_off(self) -> None:
        """Say that there will be no answer, and end."""
        if self._phase is Phase.ANSWER:
            why = "The server ended before the answer was there."
            self._answered(refused(Refused(503, why, mend="Ask again when it is back.", headers=RETRY)))
        self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    def dismiss(self) -> None:
        """Close, once the request that has begun is answered."""
        self._last = True
        if self.idle:
            self._transport.close()

    def _advance(self) -> None:
        """Go on with what has come: in a loop, as answers that are there at once would pile up calls."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._ahead and self._phase is Phase.HEAD and self._stuck is None and not self._lost:
                self._read()
        except Exception as error:  # noqa: BLE001 - whatever it is, this caller is told
            self._refuse(explained(error))
        finally:
            self._advancing = False
        if self._paused and len(self._ahead) <= AHEAD and not self._lost:
            self._paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        """Read no more of a caller that sends without waiting."""
        if len(self._ahead) > AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _read(self) -> None:
        """Read a head; with the last of its bytes begin the request."""
        if self._reader is None:
            self._reader, self._since = HeadReader(), self._house.now()
        data, self._ahead = self._ahead, b""
        used = self._reader.take(data)
        self._head = self._reader.head()
        if self._head is None:
            self._ahead = data[used:]
        else:
            self._begin(self._head, memoryview(data)[used:])

    def _begin(self, head: Head, behind: memoryview) -> None:
        """Find room for the body, and put into it what came behind the head."""
        self._exchange = exchange = self._house.site.admit(head)
        if head.length > exchange.most:
            raise Refused(
                413,
                f"The body has {head.length:,} bytes; at most {exchange.most:,} are read here.",
                mend="Ask for fewer rows at a time, or for a smaller picture." if exchange.most else "Send no body.",
            )
        self._house.hold(head.length)
        self._body = np.empty(head.length, np.uint8) if head.length else NOTHING
        there, room = behind[: head.length], self._body.data
        self._ahead = bytes(behind[head.length :])
        room[: len(there)] = there
        if len(there) == head.length:
            self._ask()
            return
        self._phase, self._hole = Phase.BODY, room[len(there) :]
        if head.waits and not there:
            self._transport.write(CONTINUE)

    def _ask(self) -> None:
        """The request is complete."""
        assert self._exchange is not None  # noqa: S101 - a body comes after its head
        self._phase = Phase.ANSWER
        try:
            self._exchange.answer(self._body, self._answered, alone=self._house.alone(self))
        except Exception as error:  # noqa: BLE001 - as above
            self._answered(refused(explained(error)))

    def _answered(self, response: Response) -> None:
        head = self._head
        if head is None or self._lost:
            return
        keep = head.keep and not self._last and not (self._ended and not self._ahead)
        self._write(response, keep=keep)
        self._forget()
        self._moved = self._house.now()
        if not keep:
            self._leave(whole=not self._ahead)
            return
        self._phase = Phase.HEAD
        self._advance()

    def _write(self, response: Response, *, keep: bool) -> None:
        bodiless = self._head is not None and self._head.method == "HEAD"
        for part in response.parts(keep=keep, bodiless=bodiless):
            self._transport.write(part)
        self._house.note(self._head, response, self._house.now() - self._since)

    def _refuse(self, error: Refused) -> None:
        """Answer a request that was not read to its end; there is no next one on this connection."""
        if self._phase is Phase.LEAVING or self._lost:
            return
        self._write(refused(error), keep=False)
        self._forget()
        self._leave(whole=False)

    def _leave(self, *, whole: bool) -> None:
        """Say no more.

        A caller whose request was not read whole is listened to a little longer, or it would hear of the broken
        connection before it hears of the answer.
        """
        self._phase, self._since, self._ahead = Phase.LEAVING, self._house.now(), b""
        if whole or self._ended:
            self._transport.close()
        else:
            self._transport.write_eof()
            self._transport.resume_reading()

    def _forget(self) -> None:
        """The request is over, however it ended."""
        exchange, self._exchange = self._exchange, None
        if self._head is not None:
            self._house.release(len(self._body))
        self._reader = self._head = None
        self._body, self._hole = NOTHING, memoryview(b"")
        if exchange is not None and self._lost:
            exchange.abandon()
