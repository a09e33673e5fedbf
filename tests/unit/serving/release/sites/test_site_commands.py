"""Sites as a person commands them, and as a device of the site reads them from a real channel."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forked import killed_at
from rolling_out import Site as Project
from slipway.platform.ledger.entry import Action
from slipway.serving.channel.site import SitePointer
from slipway.serving.release.configuring import change, returning, setting
from slipway.serving.release.keeping import keep
from slipway.serving.release.opening import open_repository
from slipway.serving.release.site_converging import converge_sites
from slipway.serving.release.site_files import BadSite, differences, read_site
from slipway.serving.release.sites import load_sites

Run = Callable[..., tuple[int, str, str]]
WHY = ("--reason", "the new cameras")


def read(project: Project, site: str = "harbour") -> SitePointer | None:
    """What a device of the site reads."""
    client = project.client(project.root / f"trust-{len(list(project.root.iterdir()))}")
    return client.site(site, now=project.time.now())


def told(project: Project) -> tuple[int | None, int | None]:
    pointer = read(project)
    if pointer is None:
        return None, None
    return pointer.base.number if pointer.base else None, pointer.target.number if pointer.target else None


def test_a_site_from_file_to_device_and_back(run: Run, project: Project, config: Path) -> None:
    assert "Nothing was changed" in run("site", "set", "harbour", str(config), *WHY, "--dry-run")[2]
    assert read(project) is None
    code, out, err = run("site", "set", "harbour", str(config), *WHY)
    assert code == 0, err
    assert out.startswith("harbour: all its devices follow configuration 1: entry ")
    pointer = read(project)
    assert pointer is not None
    assert pointer.base is not None
    assert pointer.base.config == read_site(config)
    assert pointer.base.config.windows[0].begin == "22:30"
    assert ", already" in run("site", "set", "harbour", str(config), *WHY)[1]
    config.write_text(config.read_text().replace("fps: 10", "fps: 5"))
    assert "streams.entry.fps" in run("site", "diff", "harbour", str(config))[1]
    assert run("site", "set", "harbour", str(config), "--share", "20", *WHY)[0] == 0
    assert told(project) == (1, 2)
    assert run("site", "advance", "harbour", "--share", "60")[0] == 0
    assert (
        "configuration 2 for 60 % of all its devices, the others 1"
        in run("site", "advance", "harbour", "--share", "60")[1]
    )
    assert run("site", "advance", "harbour", "--finish")[0] == 0
    assert told(project) == (2, None)
    assert run("site", "undo", "harbour", "--reason", "too dark")[0] == 0
    assert told(project) == (1, None)
    assert ", already" in run("site", "undo", "harbour", "--reason", "too dark")[1]
    shown = run("site", "show", "harbour")[1]
    assert "zone: Europe/Lisbon" in shown
    assert "too dark" in shown
    assert [one["site"] for one in json.loads(run("site", "list", "--json")[1])] == ["harbour"]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("zone: Europe/Lisbon", "zone: Europe/Lisbonne", 1, "No time zone has this name"),
        ("zone: Europe/Lisbon", "zone: ../etc/passwd", 1, "should match"),
        ("zone:", "zones:", 1, "`zones` is unknown"),
        ("begin: 22:30", "begin: 25:30", 3, "`windows.0.begin` is `25:30`"),
        ("end: 05:00", "end: 22:30", 2, "begins and ends at different times"),
        ("score: 0.4", "score: 4", 5, "`thresholds.vehicle-detect.score`"),
        ("fps: 10", "fsp: 10", 9, "`streams.entry.fsp` is unknown"),
        ("[0.2, 0]", "[1.2, 0]", 10, "`streams.entry.masks"),
    ],
)
def test_a_slip_in_the_file_is_told_with_key_and_line(config: Path, old: str, new: str, line: int, said: str) -> None:
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(BadSite) as caught:
        read_site(config)
    assert f"{config}:{line}:" in str(caught.value)
    assert said in str(caught.value)


def test_what_may_not_be_is_refused_before_anything_changes(run: Run, project: Project, config: Path) -> None:
    assert run("site", "set", "harbour", str(config), *WHY, by="dora")[0] == 1  # no operator
    assert run("site", "set", "Harbour!", str(config), *WHY)[0] == 2
    assert run("site", "set", "harbour", str(config), "--reason", " ")[0] == 2
    assert run("site", "advance", "harbour", "--finish")[0] == 1
    assert run("site", "undo", "harbour", "--reason", "x")[0] == 1
    assert run("site", "show", "harbour")[0] == 2
    assert run("site", "advance", "harbour")[0] == 2
    assert read(project) is None
    assert not [one for one in project.own.ledger.entries() if one.entry.decision.action is Action.CONFIGURE]


def test_the_channel_knows_its_sites(run: Run, project: Project, config: Path, tmp_path: Path) -> None:
    assert run("site", "set", "harbour", str(config), *WHY)[0] == 0
    assert "harbour" in run("channel", "status")[1]
    (site,) = json.loads(run("channel", "status", "--json")[1])["sites"]
    assert (site["site"], site["shown"]) == ("harbour", True)
    assert run("channel", "verify")[0] == 0
    assert "Nothing is due." in run("channel", "keepalive")[1]
    stick = tmp_path / "stick"
    assert run("channel", "export", str(stick))[0] == 0
    assert list((stick / "targets" / "channels").glob("*.site.harbour.json"))
    listed = project.repository().sites()
    assert list(listed) == ["channels/site.harbour.json"]
    assert project.repository().models() == ("small-bays",)
    (file,) = (project.folder / "targets" / "channels").glob("*.site.harbour.json")
    file.write_bytes(b"{}")
    code, out, _ = run("channel", "verify")
    assert (code, "site.harbour.json" in out) == (1, True)
    assert run("channel", "keepalive")[0] == 0
    assert run("channel", "verify")[0] == 0
    assert told(project) == (1, None)


def test_whoever_lacks_the_key_decides_and_a_keepalive_shows_it(project: Project, config: Path) -> None:
    desk = project.desk("edda", "edda")
    done = change(desk, open_repository(desk), "harbour", setting(read_site(config), None), reason="x")
    assert "rollouts" in done.converged.waits
    assert read(project) is None
    own = project.desk("rollouts")
    assert keep(open_repository(own), own).done == ("Devices of the site harbour are told what the ledger says.",)
    assert told(project) == (1, None)
    assert not any(one.changed for one in converge_sites(own, open_repository(own)))


def test_a_request_is_one_wish(project: Project, config: Path) -> None:
    desk = project.desk("edda")
    wanted = setting(read_site(config), None)
    first = change(desk, open_repository(desk), "harbour", wanted, reason="x", request="r1")
    again = change(desk, open_repository(desk), "harbour", wanted, reason="x", request="r1")
    assert (again.before, again.written) == (True, first.written)


def test_killed_before_any_write_it_is_finished_by_the_next(project: Project, config: Path) -> None:
    def work() -> Any:
        desk = project.desk("edda")
        return change(desk, open_repository(desk), "harbour", setting(read_site(config), None), reason="x", request="r")

    place = 1
    while killed_at(place, work):
        place += 2
    assert place > 3
    assert told(project) == (1, None)
    assert len([one for one in project.own.ledger.entries() if one.entry.decision.action is Action.CONFIGURE]) == 1
    assert len(load_sites(project.own)["harbour"].steps) == 1


def test_differences_are_told_by_their_keys(config: Path) -> None:
    before = read_site(config)
    config.write_text(config.read_text().replace("0.4", "0.5").replace("    fps: 10\n", ""))
    told_ = {one.where: (one.before, one.after) for one in differences(before, read_site(config))}
    assert told_ == {"thresholds.vehicle-detect.score": ("0.4", "0.5"), "streams.entry.fps": ("10.0", "-")}
    assert differences(before, before) == ()


def test_two_who_undo_at_once_undo_once(project: Project, config: Path) -> None:
    desk = project.desk("edda")
    repository = open_repository(desk)
    change(desk, repository, "harbour", setting(read_site(config), None), reason="x")
    config.write_text(config.read_text().replace("fps: 10", "fps: 5"))
    change(desk, repository, "harbour", setting(read_site(config), None), reason="x")
    done = [change(desk, repository, "harbour", returning(), reason="x") for _ in range(2)]
    assert [one.before for one in done] == [False, True]
    assert told(project) == (1, None)
