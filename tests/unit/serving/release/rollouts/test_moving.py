"""Advancing, pausing and resuming: one entry each, which the channel follows."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from rolling_out import MODEL, Site
from signed_channel import Thief
from slipway.platform.identity.people_changes import revocation, revoking
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.decisions import About
from slipway.platform.registry.desk import Refused
from slipway.serving.channel.paths import release_path
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.channel.release import Release
from slipway.serving.errors import SlipwayError
from slipway.serving.release.converging import NotAsDecided, converge
from slipway.serving.release.moving import advancing, finishing, pausing, resuming, sampling
from slipway.serving.release.opening import open_repository
from slipway.serving.release.watching import standings

MOVES = (Action.ADVANCE, Action.PAUSE, Action.RESUME)


def test_a_rollout_goes_in_waves_to_everybody(led_site: Site) -> None:
    seed = led_site.start(wave=Wave(share=5)).released.wave.seed
    led_site.move(advancing(Wave(share=50)))
    assert led_site.look().pointer.wave == Wave(share=50, seed=seed)
    done = led_site.move(finishing(), reason="a quiet night")
    assert (led_site.told(), done.rollout.state) == ((2, None), "released")
    assert done.written.entry.decision.reason == "a quiet night"
    assert [step.what for step in done.rollout.steps if step.release == 2] == [
        "version 2 to 5 % of all devices", "to 50 % of all devices", "finished: it is everybody's",
    ]  # fmt: skip


def test_what_is_so_already_is_not_decided_again(led_site: Site) -> None:
    led_site.start(wave=Wave(share=5))
    for wanted in (advancing(Wave(share=50)), pausing(), resuming(), finishing()):
        first = led_site.move(wanted)
        again = led_site.move(wanted)
        assert (first.before, again.before) == (False, True)
    assert [one.entry.decision.action for one in led_site.entries(*MOVES)][-4:] == [
        Action.ADVANCE, Action.PAUSE, Action.RESUME, Action.ADVANCE,
    ]  # fmt: skip


def test_which_pictures_devices_keep_is_a_decision_of_its_own(led_site: Site) -> None:
    policy = Sampling(share=0.01, novelty_above=3, per_day=50)
    assert led_site.move(sampling(policy)).converged.changed
    assert led_site.look().pointer.sampling == policy
    assert led_site.move(sampling(policy)).before
    led_site.start()
    assert led_site.look().pointer.sampling == policy


def test_while_it_is_paused_nobody_begins_and_nothing_advances(led_site: Site) -> None:
    led_site.start()
    led_site.move(pausing(), "cleo")
    pointer = led_site.look().pointer
    assert pointer.base is not None
    assert pointer.target is not None
    assert pointer.wanted("d-1", frozenset(), has=1) == pointer.base
    assert pointer.wanted("d-2", frozenset(), has=2) == pointer.target
    with pytest.raises(Refused, match="Release 2 was paused"):
        led_site.move(finishing())
    assert led_site.entries()[-1].entry.decision.subjects["asked"] == "advance"


@pytest.mark.parametrize(("by", "wanted"), [("cleo", resuming()), ("ben", pausing()), ("cleo", finishing())])
def test_who_lacks_the_role_is_refused_and_the_ledger_knows(led_site: Site, by: str, wanted: object) -> None:
    led_site.start()
    if wanted.action is Action.RESUME:  # type: ignore[attr-defined]
        led_site.move(pausing())
    before = led_site.told(), led_site.look().pointer.paused
    with pytest.raises(Refused, match="takes someone who is"):
        led_site.move(wanted, by)  # type: ignore[arg-type]
    assert led_site.entries()[-1].entry.decision.action is Action.REFUSE
    assert (led_site.told(), led_site.look().pointer.paused) == before


def test_a_request_whose_entry_came_too_late_is_not_taken_for_done(led_site: Site) -> None:
    led_site.start()
    about = About(MODEL, led_site.bundles["b"], "2", besides={"release": "2"})
    late = about.decided(Action.RESUME, actor="dora", nonce="r-1")
    led_site.own.ledger.append(late, led_site.signer("dora"))
    with pytest.raises(Refused, match="changes nothing, because release 2 was not paused"):
        led_site.move(resuming(), request="r-1")
    first = led_site.move(pausing(), request="r-2")
    assert led_site.move(pausing(), request="r-2").written == first.written


def test_a_request_stands_for_one_wish(led_site: Site) -> None:
    led_site.start(wave=Wave(share=5))
    first = led_site.move(advancing(Wave(share=60)), request="abc")
    assert led_site.move(advancing(Wave(share=60)), request="abc").written == first.written
    with pytest.raises(Refused, match="which asks for something else"):
        led_site.move(advancing(Wave(share=50)), request="abc")
    assert led_site.rollout.wave.share == 60


def test_what_is_so_already_names_the_entry_that_made_it_so(led_site: Site) -> None:
    led_site.start()
    assert led_site.move(resuming()).written == led_site.rollout.releases[2].written
    led_site.move(pausing())
    resumed = led_site.move(resuming())
    led_site.promote("c")
    assert led_site.move(resuming()).written == resumed.written


def test_where_nothing_is_on_its_way_nothing_moves(site: Site) -> None:
    with pytest.raises(Refused, match=f"Nothing of {MODEL} is on its way"):
        site.move(pausing())


@pytest.mark.parametrize(("name", "roles"), [("rollouts", ["channels", "snapshot", "timestamp"]), ("dora", ["models"])])
def test_keys_change_while_a_rollout_runs(led_site: Site, name: str, roles: list[str]) -> None:
    led_site.start(wave=Wave(share=5))
    led_site.new_key(name)
    assert open_repository(led_site.desk("ada")).rotate(roles) == ()
    assert (led_site.told(), led_site.look().pointer.wave.share) == ((1, 2), 5)
    led_site.move(finishing())
    assert led_site.told() == (2, None)


def test_who_lacks_the_online_keys_leaves_it_to_who_has_them(led_site: Site) -> None:
    done = led_site.start("dora", "dora")  # on a machine with dora's key alone
    assert "signed by rollouts, and no such key is on this machine" in done.converged.waits
    assert led_site.told() == (1, None)
    assert led_site.move(pausing(), "cleo", "cleo").converged.waits
    service = led_site.desk("rollouts", "rollouts")
    (shown,) = converge(service, open_repository(service))
    assert (shown.waits, shown.changed) == ("", True)
    assert (led_site.told(), led_site.look().pointer.paused) == ((1, 2), True)
    assert converge(service, open_repository(service)) == (type(shown)(MODEL, open_repository(service).pointer(MODEL)),)


def test_a_release_that_somebody_signed_otherwise_is_not_shown(led_site: Site) -> None:
    repository = open_repository(led_site.desk("dora"))

    def first(release: Release, files: Mapping[str, Path]) -> Release:
        """A thief of the release key was quicker, and would have devices go back further."""
        return own(release.model_copy(update={"floor": 0}), files)

    own = repository.add_release
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(repository), "add_release", lambda _, release, files, *__: first(release, files))
        with pytest.raises(NotAsDecided, match="signed otherwise than entry"):
            led_site.start()
    assert led_site.told() == (1, None)
    service = led_site.desk("rollouts", "rollouts")
    (found,) = converge(service, open_repository(service))  # of all of them, others would go on
    assert "signed otherwise" in found.waits
    led_site.undo()
    led_site.promote("b")
    assert led_site.start().released.number == 3
    assert led_site.told() == (1, 3)


def test_a_number_that_a_release_key_ever_signed_is_not_given_again(led_site: Site) -> None:
    led_site.register("c")
    files = {name: led_site.root / "bundles" / "c" / name for name in (*led_site.kept("c").files, "manifest.json")}
    stolen = Release(model=MODEL, number=7, bundle=led_site.bundles["c"], floor=0, signed_at=led_site.time.now())
    led_site.repository().add_release(stolen, files)
    led_site.repository().add_release(stolen.model_copy(update={"number": 10**17}), files)
    assert led_site.start().released.number == 8
    assert led_site.told() == (1, 8)


def test_the_service_cannot_sign_a_release_and_says_who_can(led_site: Site) -> None:
    repository = open_repository(led_site.desk("dora"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(repository), "add_release", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            led_site.start()
    service = led_site.desk("rollouts", "rollouts")
    (waiting,) = converge(service, open_repository(service))
    assert "signed by dora" in waiting.waits
    assert led_site.told() == (1, None)
    assert led_site.start().before
    assert led_site.told() == (1, 2)


def revoke(site: Site, name: str) -> None:
    """Somebody's key, from before it signed anything."""
    people = site.people()
    keyid = people.person(name).keys[0].keyid
    revoked = revocation((site.time.now() - timedelta(hours=12)).isoformat(), "stolen", site.time.now())
    site.write_people(revoking(people, keyid, revoked))


def test_what_counts_no_more_leads_no_device_to_nothing(led_site: Site) -> None:
    """Until a person has decided; the service alone does nothing."""
    revoke(led_site, "dora")
    assert led_site.rollout.newest is None
    service = led_site.desk("rollouts", "rollouts")
    (waiting,) = converge(service, open_repository(service))
    assert "should leave release 1 for nothing" in waiting.waits
    assert f"slipway rollout start {MODEL}" in waiting.waits
    assert led_site.told() == (1, None)
    (one,) = standings(service)
    assert (one.shown, "devices keep what they run" in one.channel) == (False, True)

    led_site.new_key("dora")
    site = Site(led_site.root).found_again()  # which knows that key
    assert site.repository().rotate(["models"]) == ()
    site.promote("c")
    assert site.start().released.number == 2
    assert site.told() == (None, 2)
    service = site.desk("rollouts", "rollouts")
    assert converge(service, open_repository(service))[0].waits == ""


def set_back(site: Site, folder: Path) -> None:
    """The channel's files are these."""
    shutil.rmtree(site.folder)
    shutil.copytree(folder, site.folder)


def test_a_release_that_went_missing_is_brought_again(led_site: Site, tmp_path: Path) -> None:
    """Though the pointer says what the ledger does."""
    lost, thief = release_path(MODEL, led_site.bundles["a"], 1), Thief(led_site, tmp_path / "copy", ["rollouts"])
    thief.forge("models", lambda signed: signed.targets.pop(lost), by=["dora"])
    thief.show()
    set_back(led_site, thief.folder)
    with pytest.raises(SlipwayError, match="release"):
        led_site.told()
    repository = open_repository(led_site.desk("dora"))
    (done,) = converge(led_site.desk("dora"), repository)
    assert (done.changed, led_site.told()) == (True, (1, None))
    assert not converge(led_site.desk("dora"), repository)[0].changed


def test_pointers_rise_though_the_files_were_set_back(led_site: Site, tmp_path: Path) -> None:
    shutil.copytree(led_site.folder, tmp_path / "backup")
    for count in range(3):
        led_site.move(sampling(Sampling(share=0.01, per_day=count + 1)))
    seen = led_site.look().pointer.sequence
    set_back(led_site, tmp_path / "backup")
    assert converge(led_site.desk("rollouts"), led_site.repository())[0].changed
    assert led_site.look().pointer.sequence >= seen


def test_a_number_far_above_leaves_the_others(led_site: Site) -> None:
    named = {"release": str(10**15), "base": "1", "floor": "1"}
    about = About(MODEL, led_site.bundles["b"], "2", besides=named)
    decision = about.decided(Action.RELEASE, actor="dora", nonce="far", details={"wave": {}})
    led_site.own.ledger.append(decision, led_site.signer("dora"))
    assert led_site.start().released.number == 2


def test_all_models_are_made_equal_by_one_reading(led_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    led_site.decide(Action.RELEASE, About("large-bays", "e" * 64, "1"), "dora")  # which names no release
    service, read = led_site.desk("rollouts", "rollouts"), []
    own = Ledger.entries

    def entries(ledger: Ledger, model: str | None = None) -> Iterator[Written]:
        read.append(model)
        return own(ledger, model)

    monkeypatch.setattr(Ledger, "entries", entries)
    done = converge(service, open_repository(service))
    assert [(one.model, one.waits) for one in done] == [("large-bays", ""), (MODEL, "")]
    assert read == [None]
