"""Labels that come late: told twice and stored once, by whoever may, corrected, and quicker than the device."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commanding import Run
from fleet_service import Running, person, running
from fleet_service.device import standing
from slipway.platform.identity import Role
from slipway.serving.edge.decisions import make_id

Commanded = tuple[Running, Run]
BUNDLE = "3" * 64
NOW = datetime.now(UTC)


def _name(number: int, device: str = "gate-1", bundle: str = BUNDLE) -> str:
    return make_id(device, bundle, NOW - timedelta(minutes=number), "abcdef")


def _tell(fleet: Running, *told: dict[str, Any]) -> tuple[int, Any]:
    return fleet.send(fleet.operator, "POST", "/v1/outcomes", {"outcomes": told})


def _outcome(number: int, **more: Any) -> dict[str, Any]:
    return {"decision": _name(number), "truth": "parcel", "answer": "parcel", "source": "audit", **more}


def _serving(fleet: Running, name: str = "gate-1", site: str = "harbour") -> None:
    gate = fleet.device(name, site=site)
    gate.report(standings=[standing("parcel", 3, bundle=BUNDLE)])


def _precision(fleet: Running) -> list[tuple[Any, ...]]:
    found = fleet.send(fleet.reader, "GET", "/v1/precision?model=parcel")[1]["precision"]
    return [(one["release"], one["site"], one["right"], one["known"]) for one in found]


def test_told_twice_is_stored_once_and_another_truth_of_one_source_is_refused(fleet: Running) -> None:
    _serving(fleet)
    told = [_outcome(number) for number in range(5)]
    assert _tell(fleet, *told, *told) == (200, {"new": 5})
    assert _tell(fleet, *told) == (200, {"new": 0})
    code, answer = _tell(fleet, _outcome(9), _outcome(1, truth="letter"))
    assert (code, "has said before" in answer["error"]) == (409, True)
    assert _precision(fleet) == [(3, "harbour", 5, 5)], "all or none"


def test_of_contradicting_sources_the_last_counts_and_so_is_corrected(fleet: Running) -> None:
    _serving(fleet)
    assert _tell(fleet, _outcome(1)) == (200, {"new": 1})
    until = datetime.now(UTC) + timedelta(milliseconds=2)
    while datetime.now(UTC) < until:
        """The store's times are whole milliseconds."""
    assert _tell(fleet, _outcome(1, truth="letter", source="recount")) == (200, {"new": 1})
    assert _precision(fleet) == [(3, "harbour", 0, 1)]


def test_a_label_that_is_quicker_than_the_device_gets_its_release_when_the_device_tells(fleet: Running) -> None:
    gate = fleet.device("gate-1", site="harbour")
    code, answer = _tell(fleet, _outcome(1))
    assert (code, "Say `model`" in answer["mend"]) == (422, True)
    assert _tell(fleet, _outcome(1, model="parcel"), _outcome(2, model="letter")) == (200, {"new": 2})
    assert _precision(fleet) == [(None, "harbour", 1, 1)]
    gate.report(standings=[standing("parcel", 2, bundle="2" * 64), standing("letter", 7, bundle=BUNDLE)])
    assert _precision(fleet) == [(None, "harbour", 1, 1)]
    gate.report(standings=[standing("parcel", 3, bundle=BUNDLE)])
    assert _precision(fleet) == [(3, "harbour", 1, 1)]
    assert fleet.store.decisions("parcel", 3) == [_name(1)]
    assert fleet.store.decisions("letter", 7) == [_name(2)]


def test_who_may_tell_and_how_much(tmp_path: Path) -> None:
    labels = person("labels", Role.FLEET_SERVICE)
    with running(tmp_path, everybody=(person("ada", Role.OPERATOR), person("ben"), labels)) as fleet:
        _serving(fleet)
        body = {"outcomes": [_outcome(1)]}
        for signer, code in ((None, 401), (fleet.stranger, 401), (fleet.reader, 403), (labels, 200)):
            assert fleet.send(signer, "POST", "/v1/outcomes", body)[0] == code
        many = [_outcome(number) for number in range(1001)]
        assert _tell(fleet, *many)[0] == 422
        assert _tell(fleet, *many[:1000]) == (200, {"new": 999})
        for wrong, code in (
            ({"decision": _name(1, "gate-9")}, 404),
            ({"decision": "20261341T000000000000Z.gate-1.00000000.abcdef"}, 422),
            ({"decision": "x"}, 422),
            ({"truth": ""}, 422),
            ({"truth": "x" * 257}, 422),
            ({"answer": None}, 422),
            ({"source": "x" * 65}, 422),
            ({"extra": 1}, 422),
        ):
            assert _tell(fleet, _outcome(5) | wrong)[0] == code, wrong


def test_commands_tell_outcomes_and_show_them_by_release_and_site(commanded: Commanded, tmp_path: Path) -> None:
    fleet, run = commanded
    _serving(fleet)
    _serving(fleet, "gate-2", "inland")
    table = tmp_path / "labels.csv"
    rows = [f"{_name(n)},parcel,{'parcel' if n else 'letter'},," for n in range(4)]
    rows += [f"{_name(9, 'gate-2')},parcel,,yes,recount", f"{_name(8, 'gate-2')},parcel,,No,recount"]
    table.write_text("\n".join(("decision,truth,answer,right,source", *rows)))
    tell = ("fleet", "tell", str(table), "--source", "audit")
    assert run(*tell, "--dry-run")[::2] == (0, "This would tell 6 outcomes. Nothing was changed.\n")
    assert "Nobody has told" in run("fleet", "outcomes", "parcel")[2]
    assert json.loads(run(*tell, "--json")[1]) == {"outcomes": 6, "new": 6}
    assert run(*tell)[1] == "Told 6 outcomes, 0 of them new.\n"
    shown = run("fleet", "outcomes", "parcel")[1].splitlines()
    assert [line.split()[:5] for line in shown[1:]] == [
        ["3", "harbour", "3", "4", "75.0%"],
        ["3", "inland", "1", "2", "50.0%"],
    ]
    (only,) = json.loads(run("fleet", "outcomes", "parcel", "--site", "inland", "--json")[1])["precision"]
    assert (only["release"], only["known"]) == (3, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with nothing"),
        ("decision,truth\n", "one of right,answer"),
        ("decision,truth,anser\nx,y,z\n", "`answer`"),
        ("decision,truth,right\n", "has no rows"),
        ("decision,truth,right\nDECISION,parcel,maybe\n", ":2: right 'maybe'"),
        ("decision,truth,right\nDECISION,parcel,\n", ":2: expected `right`"),
        ("decision,truth,right\nDECISION,,true\n", ":2: truth"),
        ("decision,truth,right\nDECISION,parcel\n", ":2: this row has another number"),
        ("decision,truth,right\ngate-1,parcel,true\n", ":2: `gate-1` is no decision id"),
    ],
)
def test_a_row_that_is_wrong_is_named_before_anything_is_told(
    commanded: Commanded, tmp_path: Path, text: str, why: str
) -> None:
    _, run = commanded
    table = tmp_path / "labels.csv"
    table.write_text(text.replace("DECISION", _name(1)))
    code, _, err = run("fleet", "tell", str(table), "--source", "audit")
    assert (code, why in err) == (2, True), err
