"""Windows are of local time, also on the two days of a year on which clocks change; what was believed last stays."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.pointer import Wave
from slipway.serving.channel.site import Configured, SiteConfig, SitePointer, Window
from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.fleet.site import FILE, SiteFollowing
from slipway.serving.edge.fleet.windows import swap_in

NIGHTS = SiteConfig(zone="Europe/Berlin", windows=(Window(begin="22:00", end="04:00"),))


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def open_now(config: SiteConfig, moment: datetime) -> bool:
    return swap_in(config, moment) <= 0


def next_open(config: SiteConfig, moment: datetime) -> datetime:
    return moment + timedelta(seconds=swap_in(config, moment))


@pytest.mark.parametrize(
    ("zone", "begin", "end", "moment", "opens"),
    [
        ("UTC", "22:00", "04:00", "2026-05-05T12:00", "2026-05-05T22:00"),
        ("UTC", "22:00", "04:00", "2026-05-05T03:59", "2026-05-05T03:59"),
        ("UTC", "22:00", "04:00", "2026-05-05T04:00", "2026-05-05T22:00"),
        ("Europe/Berlin", "22:00", "04:00", "2026-05-05T12:00", "2026-05-05T20:00"),
        ("Europe/Berlin", "02:30", "05:00", "2026-03-29T00:45", "2026-03-29T01:30"),  # 02:30 is not there
        ("Europe/Berlin", "02:10", "03:00", "2026-10-25T00:05", "2026-10-25T00:10"),  # the first 02:10
        ("Europe/Berlin", "02:10", "02:40", "2026-10-25T01:35", "2026-10-25T01:35"),  # before the second 02:40
        ("No/Such", "10:00", "11:00", "2026-05-05T09:00", "2026-05-05T10:00"),
    ],
)
def test_when_models_may_be_exchanged(zone: str, begin: str, end: str, moment: str, opens: str) -> None:
    config = SiteConfig(zone=zone, windows=(Window(begin=begin, end=end),))
    assert next_open(config, at(moment)) == at(opens)


def test_a_window_of_one_weekday_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    config = SiteConfig(windows=(Window(days=("sun",), begin="23:00", end="02:00"),))
    assert open_now(config, at("2026-11-30T01:00"))  # a Monday
    assert not open_now(config, at("2026-11-29T01:00"))
    assert next_open(config, at("2026-11-30T02:00")) == at("2026-12-06T23:00")


def test_every_wait_ends_in_a_window_and_no_window_is_before_it() -> None:
    moment = at("2026-01-01T00:00")
    for _ in range(366 * 8):
        moment += timedelta(hours=3, minutes=1)
        wait = swap_in(NIGHTS, moment)
        assert 0 <= wait <= 19 * 3600
        assert open_now(NIGHTS, moment + timedelta(seconds=wait))
        assert wait == 0 or not open_now(NIGHTS, moment + timedelta(seconds=wait - 1))


def test_the_end_of_time_is_no_crash() -> None:
    assert swap_in(NIGHTS, datetime.max.replace(tzinfo=UTC)) > 0
    assert swap_in(SiteConfig(), datetime.max.replace(tzinfo=UTC)) == 0


class Channel:
    """What a channel says of a site."""

    def __init__(self) -> None:
        self.says: SitePointer | Exception | None = None

    def site(self, site: str, *, now: datetime) -> SitePointer | None:
        del site, now
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def pointer(sequence: int, share: float = 100) -> SitePointer:
    """A base without windows, a target with some."""
    return SitePointer(
        site="north", sequence=sequence, signed_at=datetime.now(UTC), base=Configured(number=1, config=SiteConfig()),
        target=Configured(number=2, config=NIGHTS), wave=Wave(share=share),
    )  # fmt: skip


def test_what_was_believed_last_stays_whatever_the_channel_says_then(tmp_path: Path) -> None:
    home, channel = Home(tmp_path / "device"), Channel()
    home.make()
    device = Enrolment(
        id="gate-1", device_class="edge-cpu", channel="/c", models=("m",), enrolled_at=datetime.now(UTC), site="north",
        public_key="0" * 64, root="0" * 64,
    )  # fmt: skip
    site = SiteFollowing(home, device, channel, SystemClock())
    site.look()
    assert (site.config, site.sequence(), site.rules().told()) == (None, 0, {})
    channel.says = pointer(3)
    site.look()
    assert (site.config, site.sequence()) == (NIGHTS, 3)
    for bad in (Untrusted("an old one"), OSError("no disk"), None):
        channel.says = bad
        site.look()
        assert site.config == NIGHTS
        assert (site.trouble == "") == (bad is None)
    again = SiteFollowing(home, device, channel, SystemClock())
    assert (again.config, again.sequence()) == (NIGHTS, 3)
    assert again.rules() == site.rules()
    assert (again.rules().site, again.rules().number) == ("north", 2)
    channel.says = pointer(4, share=0)
    again.look()
    assert again.config == SiteConfig()
    assert json.loads((home.folder / FILE).read_bytes())["sequence"] == 4
    (home.folder / FILE).write_bytes(b"{")
    assert SiteFollowing(home, device, channel, SystemClock()).config is None
