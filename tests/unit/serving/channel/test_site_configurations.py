"""What a site's configuration may say of streams."""

from typing import Any

import pytest
from pydantic import ValidationError

from slipway.serving.channel.site import MOST_STREAMS, Configured, SiteConfig

LANE = {"lane": [[0.1, 0.2], [0.9, 1.0]]}


def config(**stream: Any) -> SiteConfig:
    return SiteConfig.model_validate({"streams": {"entry": {"source": "rtsp://10.0.0.2/main", **stream}}})


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ({"source": "rtsp://viewer:secret-word@10.0.0.2/main"}, "holds no user and no password"),
        ({"source": "http://viewer@10.0.0.2/main"}, "holds no user and no password"),
        ({"source": "gst:rtspsrc user-pw=secret-word ! appsink"}, "holds no user and no password"),
        ({"source": "http://10.0.0.2/video?pwd=secret-word"}, "holds no user and no password"),
        ({"source": "rtsp://[viewer:secret-word@10.0.0.2"}, "holds no user and no password"),
        ({"model": "a", "detect": "b"}, "`model` is one model alone"),
        ({"embed": "b"}, "`embed` looks at the boxes"),
        ({"areas": {"lane": [[0.1, 0.2], [0.1, 1.0]]}}, "corners of the area `lane`"),
    ],
)
def test_what_a_stream_may_not_be_is_refused(stream: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        config(**stream)
    assert "secret-word" not in str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize("name", ["a.b", "a-", "-a", "A", "", "a" * 65])
def test_a_stream_is_called_as_on_the_command_line(name: str) -> None:
    with pytest.raises(ValidationError):
        SiteConfig.model_validate({"streams": {name: {"source": "rtsp://10.0.0.2/main"}}})


def test_a_device_has_so_many_streams_and_a_site_more() -> None:
    def streams(count: int, device: str | None) -> dict[str, Any]:
        return {f"{device or 'all'}-{number}": {"source": "v4l2:0", "device": device} for number in range(count)}

    half = MOST_STREAMS // 2
    whole = SiteConfig.model_validate({"streams": {**streams(half, None), **streams(half, "a"), **streams(half, "b")}})
    assert len(whole.streams_of("a")) == MOST_STREAMS
    assert len(whole.streams_of("c")) == half
    with pytest.raises(ValidationError, match=f"at most {MOST_STREAMS} streams, and one would have {MOST_STREAMS + 1}"):
        SiteConfig.model_validate({"streams": {**streams(half, None), **streams(half + 1, "a")}})


def test_a_digest_is_that_of_what_is_said() -> None:
    one = Configured(number=1, config=config(areas=LANE))
    assert one.digest == Configured(number=7, config=config(areas=LANE, masks=[])).digest
    assert one.digest != Configured(number=1, config=config()).digest
