"""How often devices are right: what they answered, held against what the rendered cameras know to be true."""

import json
from collections.abc import Iterator
from typing import Final

from demo_company import Company
from slipway.pipelines.local.founding.cameras import truth_of
from slipway.pipelines.local.place import Place
from slipway.serving.edge.decisions import parse_id

LATEST: Final = 200
"""Answers of each device that are looked at."""


def right_answers(company: Company, release: int) -> float | None:
    """The share of the latest answers that are right; None while a device has not given enough with this release."""
    place = Place(company.root, company.environ)
    given = {device: list(_answers(place, device, release))[-LATEST:] for device in company.releases()}
    if any(len(answers) < LATEST for answers in given.values()):
        return None
    right = [
        answer == truth.state
        for device, answers in given.items()
        for stream, answer, decision in answers
        if (truth := truth_of(place, device, stream, parse_id(decision).at)) is not None
    ]
    return sum(right) / len(right)


def _answers(place: Place, device: str, release: int) -> Iterator[tuple[str, str, str]]:
    """What a device answered with a release, by its own events: stream, answer and decision."""
    for line in (place.folder / "devices" / device / "events.jsonl").read_text().splitlines():
        event = json.loads(line) if line.endswith("}") else {}
        if event.get("event") == "answer" and event["release"] == release:
            yield event["stream"], event["answer"], event["decision"]
