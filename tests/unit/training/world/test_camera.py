"""A rendered camera as others open it: the frames of the stream, as RGB."""

from itertools import islice

import numpy as np
import pytest

from slipway.platform.errors import WrongUse
from slipway.training.world.camera import open_camera
from slipway.training.world.stream import camera


def test_its_frames_are_those_of_the_stream_in_rgb() -> None:
    wanted = [one.picture[..., ::-1] for one in islice(camera("tiny", "harbour", "gate"), 2)]
    found = list(islice(open_camera("tiny/harbour/gate"), 2))
    assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert found[0].flags.c_contiguous


def test_without_a_name_it_is_the_first_camera() -> None:
    first = next(open_camera("tiny"))
    assert np.array_equal(first, next(open_camera("tiny/harbour")))
    assert not np.array_equal(first, next(open_camera("tiny/harbour/aisle-east")))


def test_an_unknown_one_is_refused_with_what_there_is() -> None:
    with pytest.raises(WrongUse, match="is no camera of the scenario tiny") as caught:
        open_camera("tiny/harbour/gaet")
    assert "tiny/harbour/gate" in str(caught.value.mend)
    with pytest.raises(WrongUse):
        open_camera("tiny/harbour/gate/more")
