"""`slipway rollout` and `slipway rollback` as a person runs them, in the test's own process."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.serving.channel.pointer import Wave

Run = Callable[..., tuple[int, str, str]]


def data(told: tuple[int, str, str]) -> Any:
    assert told[0] == 0, told[2]
    return json.loads(told[1])


def test_a_rollout_from_start_to_undo(run: Run, led_site: Site) -> None:
    assert (
        "This would release small-bays/2 as release 2 to all devices" in run("rollout", "start", MODEL, "--dry-run")[2]
    )
    assert led_site.told() == (1, None)
    code, out, err = run("rollout", "start", f"{MODEL}@champion", "--share", "5", "--cohort", "pilot")
    number = led_site.entries()[-1].entry.number
    assert (code, out) == (0, f"small-bays/2 is release 2, to 5 % of the cohort pilot: entry {number}.\n")
    assert "The way back was drilled: release 1 came from the channel" in err
    assert run("rollout", "start", MODEL)[1] == f"small-bays/2 is release 2 already: entry {number}.\n"
    assert ", paused" in run("rollout", "pause", MODEL, "--reason", "half the lot is dark", by="cleo")[1]
    assert run("rollout", "resume", MODEL)[0] == 0
    assert data(run("rollout", "advance", MODEL, "--share", "50", "--json"))["pointer"]["wave"]["share"] == 50
    finished = run("rollout", "advance", MODEL, "--finish")[1]
    assert finished.startswith(f"{MODEL}: all devices are told to run release 2 (version 2)")
    told = data(run("rollback", MODEL, "--reason", "wrong plates", "--dry-run", "--json"))
    assert (told["undoes"], told["back_to"]) == (2, 1)
    told = run("rollback", MODEL, "--reason", "wrong plates", "--dry-run")[2]
    assert "take release 2 (version 2) out of the field" in told
    code, out, err = run("rollout", "undo", MODEL, "--reason", "wrong plates", by="cleo")
    assert (code, out.partition(":")[2].rpartition(":")[0]) == (0, " release 2 is undone, version 1 is champion")
    assert "`slipway model guard --once`" in err
    assert run("rollback", MODEL, "--reason", "once more")[1].startswith(f"{MODEL}: release 2 is undone already")
    assert led_site.told() == (1, None)


def test_status_is_one_screen_and_says_whether_devices_are_told(run: Run, led_site: Site) -> None:
    led_site.start("dora", "dora")
    _, out, _ = run("rollout", "status", MODEL)
    fields = {line[:13].strip(): line[13:].strip() for line in out.splitlines()}
    assert fields["devices run"] == "release 1 (version 1)"
    assert fields["on its way"] == "release 2 (version 2) to all devices"
    assert fields["way back"] == "release 1 (version 1)"
    assert fields["channel"] == "behind the ledger: `slipway channel keepalive` shows it"
    assert run("rollout", "status")[1].split()[-1] == "behind"
    assert run("rollout", "start", MODEL)[0] == 0
    assert run("rollout", "status")[1].split()[-1] == "equal"
    told = data(run("rollout", "status", MODEL, "--json"))
    assert (told["base"]["number"], told["target"]["number"], told["shown"], told["state"]) == (
        1,
        2,
        True,
        "rolling out",
    )
    shutil.rmtree(led_site.folder)
    assert "There is no channel" in run("rollout", "status", MODEL)[1]


def test_no_undo_is_proposed_that_would_be_refused(run: Run) -> None:
    code, out, err = run("rollback", MODEL, "--reason", "wrong at night")
    assert (code, "champion alone went back" in out) == (0, True)
    assert "--release" not in err
    assert run("rollback", MODEL, "--release", "1", "--reason", "x")[0] == 1


def test_an_empty_store_is_told(run: Run, led_site: Site) -> None:
    assert "holds nothing yet" not in run("rollout", "status")[2]
    empty = str(led_site.root / "elsewhere")
    assert f"The store at {empty} holds nothing yet" in run("rollout", "status", SLIPWAY_STORE__URL=empty)[2]


def test_history_tells_what_changed_nothing_with_the_reason(run: Run, led_site: Site) -> None:
    led_site.start()
    about = led_site.about("b")
    led_site.decide(Action.PAUSE, type(about)(MODEL, about.bundle, "2", besides={"release": "7"}), "dora")
    _, out, _ = run("rollout", "history", MODEL)
    lines = out.splitlines()
    assert lines[-1].split("  ")[-1] == "because"
    assert "changes nothing: release 2 is on its way, not 7" in lines[-1]
    told = data(run("rollout", "history", MODEL, "--json"))
    assert [one["what"] for one in told][-2:] == [
        "version 2 to all devices", "changes nothing: release 2 is on its way, not 7",
    ]  # fmt: skip
    assert "released as 2" in run("model", "history", MODEL)[1]
    assert "release 2, version 2" in run("ledger", "list", "--model", MODEL)[1]


def test_pictures_are_asked_for_by_a_policy(run: Run, led_site: Site) -> None:
    asked = ("rollout", "sample", MODEL, "--per-day", "50", "--share", "1", "--confidence-below", "0.6")
    assert "Nothing was changed" in run(*asked, "--dry-run")[2]
    assert run(*asked)[1].startswith(
        f"{MODEL}: devices keep 1 % of all, those below 0.6 confidence, at most 50 a day: entry "
    )
    assert led_site.look().pointer.sampling.share == 0.01
    assert "1 % of all" in run("rollout", "status", MODEL)[1]
    assert "devices keep 1 % of all" in run("rollout", "history", MODEL)[1]
    assert "--per-day" in run("rollout", "sample", MODEL)[2]
    assert "devices keep no pictures" in run("rollout", "sample", MODEL, "--per-day", "0")[1]


def test_pictures_are_not_asked_for_without_saying_which(run: Run) -> None:
    code, _, err = run("rollout", "sample", MODEL, "--per-day", "10")
    assert (code, "--confidence-below" in err) == (2, True)


def test_a_start_that_wants_what_is_there_otherwise_says_how_it_goes(run: Run) -> None:
    started = ("rollout", "start", MODEL)
    assert run(*started, "--share", "5")[0] == 0
    assert run(*started, "--share", "5")[0] == 0
    code, out, err = run(*started, "--share", "50")
    assert (code, "already" in out) == (1, True)
    assert "to 5 % of all devices, not to 50 %" in err
    assert f"`slipway rollout advance {MODEL} --share 50` changes that" in err
    assert "agents from 0.0.0, not 1.0.0" in run(*started, "--minimum-agent", "1.0.0")[2]
    code, out, _ = run(*started, "--dry-run")
    assert (code, "is release 2 already" in out) == (0, True)


def test_a_dry_start_ends_as_the_real_one_would(run: Run, led_site: Site) -> None:
    started = ("rollout", "start", MODEL)
    (path,) = (led_site.folder / "targets").glob(f"models/{MODEL}/{led_site.bundles['a']}/*.reference.json")
    kept = path.read_bytes()
    path.unlink()
    before = len(led_site.entries())
    code, out, err = run(*started, "--dry-run")
    assert (code, out, len(led_site.entries())) == (1, "", before)
    assert "Nothing was changed" in err
    real = run(*started)
    assert (real[0], real[2].splitlines()[0] in err) == (1, True)
    path.write_bytes(kept)
    assert run(*started, "--dry-run")[0] == 0
    led_site.register("c")  # never champion
    code, _, err = run("rollout", "start", f"{MODEL}/3", "--dry-run")
    assert (code, "Version 3 is not champion" in err) == (1, True)
    assert run(*started, "--dry-run", by="cleo")[0] == run(*started, by="cleo")[0] == 1
    assert run(*started, "--share", "5")[0] == 0
    code, out, err = run(*started, "--share", "50", "--dry-run")
    assert (code, "to 5 % of all devices, not to 50 %" in err) == (1, True)


def test_who_lacks_the_online_keys_is_told_who_shows_it(run: Run, led_site: Site) -> None:
    led_site.alone("dora")
    code, out, err = run("rollout", "start", MODEL, HOME=str(led_site.root / "home-of-dora"))
    assert (code, "is release 2" in out) == (0, True)
    assert "Devices are not told yet." in err
    assert "Do it where that key is: rollouts. `slipway channel keepalive` there does the rest." in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("start", MODEL, "--cohort", "North Side"), 2, "is no name of a cohort"),
        (("start", MODEL, "--share", "101"), 2, "--share"),
        (("start", MODEL, "--minimum-agent", "new"), 2, "is no version of an agent"),
        (("start", "small-boys"), 2, "no version of a model `small-boys`"),
        (("start", f"{MODEL}/9"), 2, "has no version 9"),
        (("advance", MODEL), 2, "Expected either --finish, or --share or --cohort"),
        (("advance", MODEL, "--finish", "--share", "5"), 2, "Expected either --finish"),
        (("pause", f"{MODEL}/1"), 2, "a rollout is a model's"),
        (("pause", "small-boys"), 2, "no version of a model `small-boys`"),
        (("undo", MODEL), 2, "--reason"),
        (("undo", MODEL, "--reason", "x", "--release", "9"), 1, "has no release 9"),
        (("status", "small-boys"), 2, "no version of a model `small-boys`"),
    ],
)
def test_wrong_use_is_told(run: Run, arguments: tuple[str, ...], code: int, told: str) -> None:
    found, out, err = run("rollout", *arguments)
    assert (found, out) == (code, "")
    assert told in err


def test_in_a_protected_context_nothing_changes_unasked(run: Run, led_site: Site) -> None:
    protected = {"SLIPWAY_PROTECTED": "true"}
    before = len(led_site.entries())
    for arguments in (("rollout", "start", MODEL), ("rollback", MODEL, "--reason", "x"), ("rollout", "pause", MODEL)):
        code, _, err = run(*arguments, **protected)
        assert (code, "is protected" in err) == (2, True)
    assert len(led_site.entries()) == before
    assert run("rollout", "start", MODEL, "--yes", **protected)[0] == 0


WHY = ("--reason", "the lane is rebuilt")


@pytest.mark.parametrize(
    ("by", "command"),
    [
        ("dora", ("rollout", "advance", MODEL, "--share", "50")),
        ("dora", ("rollout", "pause", MODEL, *WHY)),
        ("ben", ("rollout", "approve", MODEL)),
        ("ada", ("rollout", "sample", MODEL, "--per-day", "5", "--share", "1")),
        ("ada", ("rollback", MODEL, "--release", "1", *WHY)),
        ("dora", ("rollback", MODEL, "--release", "1", "--reason", " ")),
        ("ada", ("rollback", MODEL, *WHY)),
        ("dora", ("fleet", "pin", "gate-7", MODEL, "1", "--until", "7d", *WHY)),
        ("edda", ("fleet", "pin", "gate-7", MODEL, "9", "--until", "7d", *WHY)),
        ("ada", ("freeze", "--until", "2d", *WHY)),
        ("edda", ("site", "undo", "harbour", *WHY)),
        ("edda", ("site", "undo", "harbour", "--reason", "")),
        ("ada", ("site", "advance", "harbour", "--finish")),
    ],
)
def test_a_refused_dry_run_ends_as_the_real_one_would(
    run: Run, led_site: Site, by: str, command: tuple[str, ...]
) -> None:
    before = len(led_site.entries())
    code, _, err = run(*command, "--dry-run", by=by)
    assert len(led_site.entries()) == before
    real, _, said = run(*command, by=by)
    assert code == real != 0
    assert err.splitlines()[-2:] == said.splitlines()[-2:]


@pytest.mark.parametrize(
    ("by", "command"),
    [
        ("dora", ("rollout", "advance", MODEL, "--finish")),
        ("cleo", ("rollback", MODEL, "--release", "2", *WHY)),
        ("edda", ("freeze", "--until", "2d", *WHY)),
    ],
)
def test_what_is_decided_while_the_channel_is_away_is_told_with_that_and_finished_later(
    run: Run, led_site: Site, by: str, command: tuple[str, ...]
) -> None:
    led_site.start(wave=Wave(share=5))
    away = shutil.move(led_site.folder, led_site.root / "away")
    code, _, err = run(*command, by=by)
    *_, last = led_site.own.ledger.entries()
    assert code == 1
    assert f"Entry {last.entry.number} stands in the ledger, and devices are not told of it: There is no channel" in err
    shutil.move(away, led_site.folder)
    assert run("channel", "keepalive", by="rollouts")[0] == 0
    assert run("rollout", "status")[1].split()[-1] == "equal"


def test_a_dry_move_goes_well_where_the_real_one_would(run: Run, led_site: Site) -> None:
    led_site.start(wave=Wave(share=5))
    undo = ("rollback", MODEL, "--release", "2", *WHY)
    for command in (("rollout", "advance", MODEL, "--finish", "--request", "r1"), ("rollout", "advance", MODEL), undo):
        asked = (*command, *(("--share", "50") if command[-1] == MODEL else ()))
        assert run(*asked, "--dry-run")[0] == run(*asked)[0]
    assert run(*undo, "--dry-run")[0] == 0
