"""Where events go: a file that is put aside when it is full, or standard output that somebody may leave."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from slipway.serving.edge.streams.events import OutGone, RotatedFile, StandardOut, vector_text


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    out = RotatedFile(tmp_path / "events.jsonl", most_bytes=40, keep=2)
    for number in range(12):
        out.write(f'{{"number":{number:02d}}}')
    out.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    lines = [line for name in reversed(names) for line in (tmp_path / name).read_text().splitlines()]
    assert lines == [f'{{"number":{number:02d}}}' for number in range(6, 12)]
    assert all(path.stat().st_size <= 40 for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_a_file_goes_on_where_it_was_and_never_behind_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"number":1}\n{"numb')
    out = RotatedFile(path)
    out.write('{"number":3}')
    out.close()
    assert path.read_text().splitlines() == ['{"number":1}', '{"numb', '{"number":3}']


def test_a_reader_who_left_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(OutGone):
        StandardOut(stream).write("{}")  # and what was not written bothers nobody when the stream is closed
    closed = io.StringIO()
    closed.close()
    with pytest.raises(OutGone):
        StandardOut(closed).write("{}")


def test_a_vector_comes_back_from_its_text() -> None:
    import base64

    vector = np.linspace(-1, 1, 9, dtype=np.float32)
    found = np.frombuffer(base64.b64decode(vector_text(vector)), "<f2")
    assert np.allclose(found, vector, atol=1e-3)
