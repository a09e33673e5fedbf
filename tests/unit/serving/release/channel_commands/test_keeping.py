"""Signatures are renewed by whoever holds the keys, when half of their life is gone."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from channel_machines import Machines, days_ago
from rolling_out import Meter
from signed_channel import Office
from slipway.platform.doctor import Status
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.desk import Desk
from slipway.serving.channel.pointer import Wave
from slipway.serving.release.deciding import decide
from slipway.serving.release.doctor import channel
from slipway.serving.release.keeping import keep
from slipway.serving.release.opening import open_sides
from slipway.serving.release.starting import look
from slipway.serving.release.tuf_making import make_listing

SLIPWAY = str(Path(sys.executable).with_name("slipway"))


@pytest.fixture
def aged(tmp_path: Path) -> Callable[[float], Machines]:
    """A channel that was founded so many days ago, as everybody's clock has it now."""

    def made(days: float) -> Machines:
        office = Office(tmp_path / "office", time=days_ago(days)).open()
        return Machines(office)

    return made


def versions(machines: Machines) -> dict[str, int]:
    told = json.loads(machines.at("cleo", "status", "--json").out)
    return {one["role"]: one["version"] for one in told["roles"]}


def test_before_half_of_a_life_is_gone_nothing_is_due(aged: Any) -> None:
    machines = aged(6.9)
    assert machines.well("rollouts", "keepalive") == "Nothing is due.\n"
    assert set(versions(machines).values()) == {1}


def test_after_it_what_is_due_is_renewed_and_nothing_else(aged: Any) -> None:
    machines = aged(7.1)
    assert "`snapshot` would be renewed." in machines.well("rollouts", "keepalive", "--dry-run")
    assert set(versions(machines).values()) == {1}
    told = machines.well("rollouts", "keepalive")
    assert "`timestamp` 2 is good until" in told
    assert versions(machines) == {"root": 1, "targets": 1, "models": 1, "channels": 1, "snapshot": 2, "timestamp": 2}
    assert machines.well("rollouts", "keepalive") == "Nothing is due.\n"


def test_with_now_all_whose_keys_are_here(aged: Any) -> None:
    machines = aged(0)
    machines.well("rollouts", "keepalive", "--now")
    assert versions(machines) == {"root": 1, "targets": 1, "models": 1, "channels": 2, "snapshot": 2, "timestamp": 2}


def test_what_is_not_to_be_renewed_here_is_told_with_who_must(aged: Any) -> None:
    machines = aged(50)
    for who in ("ada", "dora"):
        assert machines.at(who, "keepalive", "--dry-run").code == 1
        done = machines.at(who, "keepalive")
        assert done.code == 1
        assert "Half of the life of `channels` is gone" in done.err
        assert "rollouts must renew it" in done.err
    ended = machines.at("ada", "status")
    assert ended.code == 1
    assert "`timestamp` has ended: devices install nothing" in ended.err
    assert "ended at" in machines.at("ada", "verify").out
    machines.well("rollouts", "keepalive")
    machines.well("ada", "status")


def test_two_root_holders_renew_what_is_theirs(aged: Any) -> None:
    machines = aged(366)
    first = machines.at("ada", "keepalive")
    assert first.code == 1
    assert "wait for 1 of ben, cleo" in first.err
    machines.at("ben", "keepalive")
    machines.at("dora", "keepalive")
    machines.well("rollouts", "keepalive")
    found = versions(machines)
    assert {found[role] for role in ("root", "targets", "models", "channels")} == {2}
    machines.well("cleo", "verify")


def test_what_a_killed_command_signed_and_did_not_show_is_shown(aged: Any) -> None:
    machines = aged(0)
    office = machines.office
    repository = office.repository()
    before = repository.metadata("models").signed
    listing = make_listing(before, 2, {}, "models", now=office.time.now(), expiries=repository.bench.expiries)
    signers = {repository.metadata("models").signatures.popitem()[0]: office.key("dora")}
    from slipway.serving.release.tuf_making import sign

    repository.bench.files.bind(sign("models", listing, signers))
    assert "1 (2 signed)" in machines.well("cleo", "status")
    assert machines.well("rollouts", "keepalive") == "Devices are shown what was signed before.\n"
    assert versions(machines)["models"] == 2


def test_a_ledger_that_cannot_be_followed_is_a_failure(aged: Any) -> None:
    machines = aged(0)
    done = machines.at("rollouts", "keepalive", SLIPWAY_IDENTITY__PEOPLE="/nowhere/people.toml")
    assert (done.code, "no people file at /nowhere/people.toml" in done.err) == (1, True)
    assert "Nothing is due" not in done.out


def test_a_model_that_waits_for_somebody_else_is_told_and_fails_where_it_is_to_be_shown(leading: Any) -> None:
    site = leading.office
    site.promote("b")
    desk = site.desk("dora")
    plan = look(desk, "small-bays", open_sides(desk), Meter())
    decide(desk, Action.RELEASE, plan.about, details={"wave": Wave(seed="s").model_dump(mode="json")})
    done = leading.at("rollouts", "keepalive")
    assert (done.code, done.out) == (1, "")
    assert "Devices of small-bays are not told what the ledger says." in done.err
    assert "`models` is signed by dora" in done.err
    (waiting,) = json.loads(leading.at("rollouts", "keepalive", "--json").out)["models"]
    assert (waiting["model"], "dora" in waiting["waits"]) == ("small-bays", True)
    elsewhere = leading.at("dora", "keepalive")  # signs the release, which is all that is due there
    assert (elsewhere.code, "signed by rollouts" in elsewhere.err) == (0, True)
    leading.well("rollouts", "keepalive")
    assert json.loads(leading.well("rollouts", "keepalive", "--json"))["models"] == []
    assert site.told() == (1, 2)


def test_it_goes_on_while_the_channel_is_away_and_ends_when_asked(aged: Any, tmp_path: Path) -> None:
    machines = aged(7.1)
    folder, away = machines.office.folder, tmp_path / "away"
    folder.rename(away)
    process = subprocess.Popen(
        [SLIPWAY, "channel", "keepalive", "--every", "0.1"],
        cwd=machines.office.root, env={"HOME": str(machines.home("rollouts")), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        assert "Looking at the channel" in process.stderr.readline()
        assert "There is no channel" in process.stderr.readline()
        away.rename(folder)
        told = [process.stdout.readline() for _ in range(2)]
        assert [line.split(" is good until")[0] for line in told] == ["`snapshot` 2", "`timestamp` 2"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "can be reached again" in err


def test_the_doctor_warns_at_half_and_names_who(aged: Any, tmp_path: Path) -> None:
    machines = aged(8)
    at_dora = machines.office.loaded(HOME=str(machines.home("dora")))
    found = list(channel(at_dora))
    assert {one.status for one in found} == {Status.WARNING}
    assert [one.detail for one in found] == [
        f"`{role}` is good for 5 more days, less than half of its life" for role in ("snapshot", "timestamp")
    ]
    assert found[0].mend == "slipway channel keepalive   # by rollouts"
    machines.well("rollouts", "keepalive")
    assert [one.status for one in channel(at_dora)] == [Status.OK]
    (nothing,) = channel(machines.office.loaded(SLIPWAY_CHANNEL__URL=str(tmp_path / "nowhere")))
    assert nothing.status is Status.SKIPPED


def test_a_channel_that_went_back_is_told_by_a_machine_that_saw_more(aged: Any, tmp_path: Path) -> None:
    machines = aged(0)
    folder, old = machines.office.folder, tmp_path / "old"
    shutil.copytree(folder, old)
    machines.office.repository().refresh("timestamp")
    machines.well("cleo", "verify")
    shutil.rmtree(folder)
    shutil.copytree(old, folder)
    told = machines.at("cleo", "verify")
    assert (told.code, "went back: `snapshot` 1 after 2, `timestamp` 1 after 2" in told.out) == (1, True)
    loaded = machines.office.loaded(HOME=str(machines.home("cleo")))
    assert "went back" in next(channel(loaded)).detail
    for _ in range(2):
        machines.office.repository().refresh("timestamp")
    machines.well("cleo", "verify")


def test_a_root_comes_only_when_one_is_due(aged: Any) -> None:
    machines = aged(0)
    office = machines.office
    desk = Desk.of(office.loaded())
    assert "root" not in keep(office.repository(), desk, now=True).renewed
    office.time.forward(days=366)
    assert "root" in keep(office.repository(), desk).renewed


def test_rubbish_that_waits_keeps_no_online_role_from_being_renewed(aged: Any) -> None:
    machines = aged(0)
    office = machines.office
    office.time.forward(days=366)
    for name in ("2.root.json", "2.targets.json"):
        place = office.folder / "drafts" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text("{}")
    kept = keep(office.repository(), Desk.of(office.loaded()))
    assert {"channels", "snapshot", "timestamp"} <= set(kept.renewed)
    assert "`root` and `targets` cannot be renewed" in "".join(kept.remarks)


def test_the_doctor_fails_where_devices_install_nothing(aged: Any) -> None:
    found = list(channel(aged(15).office.loaded()))
    assert {one.status for one in found} == {Status.FAILED}
    assert "`snapshot` ended on" in found[0].detail
