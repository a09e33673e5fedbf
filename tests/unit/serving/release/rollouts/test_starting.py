"""Starting a rollout: what is refused, what devices are told then, and that the way back was drilled before."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import small_onnx
from rolling_out import MODEL, Meter, Site
from signed_channel.servers import serve
from slipway.platform.ledger.entry import Action
from slipway.platform.registry.bundles import FETCHED, bundle_key
from slipway.platform.registry.desk import Refused
from slipway.serving.bundle.manifest import DeviceClass, Engine, Manifest, VariantPart
from slipway.serving.channel.pointer import Wave
from slipway.serving.release.moving import finishing, pausing
from slipway.serving.release.opening import open_sides
from slipway.serving.release.starting import Wanted, against_engines, look, start
from slipway.serving.release.watching import standings


def last(site: Site) -> tuple[str, str, str]:
    """Action, who and why of the newest entry."""
    entry = site.entries()[-1]
    return entry.entry.decision.action.value, entry.signer, entry.entry.decision.reason


def test_the_first_release_is_told_to_devices_and_has_no_way_back(site: Site) -> None:
    done = site.start(wave=Wave(share=5, cohort="pilot"))
    assert (done.before, done.drilled, done.released.number) == (False, None, 1)
    seen = site.look()
    assert seen.target == done.released.signed
    assert (seen.base, seen.pointer.wave.share, seen.pointer.wave.cohort) == (None, 5, "pilot")
    assert seen.pointer.wave.seed == f"{site.bundles['a'][:32]}-1"
    decision = done.released.written.entry.decision
    assert {"bundle", "version", "verdict", "release", "floor"} == decision.subjects.keys()


def test_the_way_back_is_drilled_with_every_file(led_site: Site) -> None:
    done = led_site.start()
    assert done.drilled is not None
    assert (done.drilled.release, done.drilled.files) == (1, len(led_site.kept("a").files) + 1)
    assert led_site.told() == (1, 2)
    assert led_site.look().target == done.released.signed
    assert done.released.floor == 1


def test_it_is_told_how_far_the_bringing_of_files_is(site: Site) -> None:
    meter, desk = Meter(), site.desk("dora")
    start(desk, MODEL, open_sides(desk), Wanted(), meter, lambda _: None)
    assert meter.steps == [f"bringing release 1 of {MODEL} into the channel"]
    files = [site.root / "bundles" / "a" / name for name in (*site.kept("a").files, "manifest.json")]
    assert meter.come == meter.total == sum(path.stat().st_size for path in files)


def test_starting_again_is_the_same_release(led_site: Site) -> None:
    first, before = led_site.start(), len(led_site.entries())
    again = led_site.start("cleo")  # who only looks whether it is done needs no role
    assert (again.before, again.released, again.drilled) == (True, first.released, None)
    assert len(led_site.entries()) == before
    led_site.move(finishing())
    assert led_site.start().before


def test_a_request_starts_one_release_and_no_other(led_site: Site) -> None:
    first = led_site.start(request="r-1")
    assert led_site.start(request="r-1").released == first.released
    led_site.undo()
    with pytest.raises(Refused, match=r"The request `r-1` wrote entry .* not on its way any more"):
        led_site.start(request="r-1")


@pytest.mark.parametrize("by", ["ben", "cleo", "rollouts"])
def test_only_a_releaser_starts(site: Site, by: str) -> None:
    with pytest.raises(Refused, match=f"`{by}` is no releaser"):
        site.start(by)
    assert last(site)[:2] == ("refuse", by)
    assert site.rollout.releases == {}


def refused(site: Site, told: str, **given: Any) -> Refused:
    """It is, the ledger has the reason, and nothing was released."""
    before = site.rollout.releases
    with pytest.raises(Refused, match=told) as raised:
        site.start(**given)
    action, who, reason = last(site)
    assert (action, who, reason) == ("refuse", "dora", str(raised.value))
    assert site.entries()[-1].entry.decision.subjects["asked"] == "release"
    assert site.rollout.releases == before
    return raised.value


def test_only_the_champion_is_released(led_site: Site) -> None:
    assert led_site.start(given=f"{MODEL}/1").before  # it is everybody's, which is what was asked for
    led_site.register("c")
    error = refused(led_site, "Version 3 is not champion", given=f"{MODEL}/3")
    assert f"slipway model promote {MODEL}/3" in str(error.mend)


def test_a_champion_that_was_rejected_since_is_refused(site: Site) -> None:
    site.decide(Action.REJECT, site.about("a"), "ben")
    refused(site, "rejected by ben since it became champion")


def test_a_second_rollout_waits_for_the_first(led_site: Site) -> None:
    led_site.start()
    led_site.promote("c")
    error = refused(led_site, r"rollout of release 2 \(version 2\) is not finished")
    assert "--finish" in str(error.mend)


def test_a_first_release_that_is_bad_gives_way_to_a_better_one(site: Site) -> None:
    site.start()
    site.move(pausing())
    site.promote("b")
    assert site.start().released.number == 2
    assert site.told() == (None, 2)
    assert not site.look().pointer.paused


def test_what_was_quarantined_is_a_new_release_after_a_new_approval(led_site: Site) -> None:
    led_site.start()
    led_site.undo()
    led_site.promote("b", action=Action.OVERRIDE)
    refused(led_site, "quarantined by entry .* and nobody has approved it since")
    led_site.undo("dora")  # the promotion alone
    assert led_site.champion == "a"
    led_site.promote("b")
    assert led_site.start().released.number == 3
    assert led_site.told() == (1, 3)


def test_a_bundle_that_was_damaged_in_the_store_is_refused(site: Site) -> None:
    (path,) = Path(site.own.store.url, "results").glob(f"*{site.kept('a').files['golden.npz'].sha256}*")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    refused(site, "Its bundle is not sound")


def test_a_bundle_that_is_missing_from_the_store_is_refused(site: Site) -> None:
    site.own.store.delete(bundle_key(site.bundles["a"]))
    refused(site, "Its bundle is not sound.*has no bundle")


def test_a_way_back_with_one_wrong_bit_refuses_the_start(led_site: Site) -> None:
    (path,) = (led_site.folder / "targets").glob(f"models/{MODEL}/{led_site.bundles['a']}/*.golden.npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    error = refused(led_site, "The way back to release 1 does not hold: .*golden.npz")
    assert "channel verify" in str(error.mend)
    assert led_site.told() == (1, None)


def test_a_way_back_that_is_gone_refuses_the_start(led_site: Site) -> None:
    (path,) = (led_site.folder / "targets").glob(f"models/{MODEL}/{led_site.bundles['a']}/*.reference.json")
    path.unlink()
    refused(led_site, "The way back to release 1 does not hold")


def test_the_way_back_is_drilled_where_devices_get_it(led_site: Site, tmp_path: Path) -> None:
    """From a server that gives out what was there before the base was everybody's; then from one that is up to date."""
    old = tmp_path / "old"
    shutil.copytree(led_site.folder, old)
    led_site.start()
    led_site.move(finishing())
    led_site.promote("c")
    with serve(old) as server:
        led_site.environ["SLIPWAY_CHANNEL__PUBLIC_URL"] = server.url
        error = refused(led_site, f"The way back to release 2 does not hold: .*read at {server.url}, where devices")
        assert "that server gives out other files" in str(error.mend)
        server.folder = led_site.folder
        done = led_site.start()
        assert done.drilled is not None
        assert any("golden.npz" in path for path in server.asked)
    assert standings(led_site.desk("dora"))[0].shown  # by what was written


def test_looking_changes_nothing(led_site: Site) -> None:
    def files() -> dict[Path, bytes]:
        kept = {path: path.read_bytes() for path in led_site.root.rglob("*") if path.is_file()}
        return {path: data for path, data in kept.items() if FETCHED not in str(path) and "cache" not in path.parts}

    before, meter = files(), Meter()
    desk = led_site.desk("dora")
    plan = look(desk, MODEL, open_sides(desk), meter)
    assert (plan.against, plan.number, plan.picked.name) == ((), 2, f"{MODEL}/2")
    assert plan.drilled is not None
    assert (meter.come, len(meter.steps)) == (meter.total, 1)
    assert files() == before


ENGINE = Engine(tensorrt="tensorrt 10.3", built=True)
BROKEN = Engine(tensorrt="tensorrt 10.3", built=False, problems=("Unsupported operator NonMaxSuppression.",))


@pytest.mark.parametrize(
    ("engines", "told"),
    [
        ({"fp16": ENGINE, "fp32": None}, None),
        ({"fp16": BROKEN, "fp32": ENGINE}, None),
        ({"fp16": None, "fp32": None}, "it was exported where no TensorRT was"),
        ({"fp16": BROKEN, "fp32": None}, "could not build it: Unsupported operator NonMaxSuppression"),
        ({"fp16": None, "fp32": None, "int8-cpu": ENGINE}, "it was exported where no TensorRT was"),
    ],
)
def test_a_class_that_needs_tensorrt_has_a_variant_that_built_its_engine(
    tmp_path: Path, engines: dict[Any, Engine | None], told: str | None
) -> None:
    made = small_onnx.bundle(tmp_path / "bundle").manifest
    device = DeviceClass(runtime="tensorrt", variants=("fp16", "fp32"), batch=1, latency_ms=9, memory_mb=900, size_mb=9)
    variants = {name: VariantPart(file=f"{name}.onnx", opset=20, engine=engine) for name, engine in engines.items()}
    fields = made.model_dump() | {"devices": {"orin": device, **made.devices}, "variants": variants}
    found = list(against_engines(Manifest.model_validate(fields)))
    assert [told in one.why for one in found if told] == ([True] if told else [])
    assert len(found) == bool(told)
    assert all("make test-tensorrt" in one.mend for one in found)


def test_a_release_without_its_engines_is_refused(site: Site) -> None:
    device = DeviceClass(runtime="tensorrt", variants=("fp32",), batch=1, latency_ms=9, memory_mb=900, size_mb=9)
    site.register("t", devices={"orin": device})
    site.promote("t")
    refused(site, "Device class `orin` needs an engine of TensorRT for fp32")
