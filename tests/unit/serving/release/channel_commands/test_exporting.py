"""The channel in a folder: what a device needs from it, under the same signatures."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import small_onnx
from channel_machines import Machines
from edge_field import Device, edge
from signed_channel import Follower
from signed_channel.device import WrongDigest
from slipway.platform.errors import WrongUse
from slipway.serving.bundle.manifest import DeviceClass, VariantPart
from slipway.serving.channel.client import ChannelClient
from slipway.serving.channel.errors import Untrusted
from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.transport import NotThere
from slipway.serving.release.export_folder import ExportFolder
from slipway.serving.release.exporting import Wanted, plan
from slipway.serving.release.moving import pausing, pinning


@pytest.fixture
def two_classes(leading: Machines, tmp_path: Path) -> Machines:
    """Another model, for two classes of devices with a variant each."""
    given = small_onnx.images()
    made = small_onnx.bundle(
        tmp_path / "large",
        model="large-bays",
        devices={
            "edge-cpu": DeviceClass(variants=("fp32",), batch=2, latency_ms=20, memory_mb=200, size_mb=4),
            "edge-int8": DeviceClass(variants=("int8-cpu",), batch=2, latency_ms=20, memory_mb=200, size_mb=4),
        },
        variants={
            "fp32": VariantPart(file="model.fp32.onnx", opset=20, tolerance={"logits": 1e-3}),
            "int8-cpu": VariantPart(file="model.int8-cpu.onnx", opset=20, tolerance={"logits": 1e-3}),
        },
        files={
            "model.fp32.onnx": small_onnx.classifier(3).SerializeToString(),
            "model.int8-cpu.onnx": small_onnx.classifier(4).SerializeToString(),
        },
        golden={
            "in.images": given,
            "fp32.logits": small_onnx.answers(given, 3),
            "int8-cpu.logits": small_onnx.answers(given, 4),
        },
    )
    leading.office.lead(made)
    return leading


def device(machines: Machines, tmp_path: Path, model: str = "small-bays") -> Follower:
    """One that was never online, enrolled with the channel's first root."""
    first = (machines.office.folder / "metadata/1.root.json").read_bytes()
    return Follower(tmp_path / f"trust-of-{model}", first, machines.office, model)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_device_that_was_never_online_fetches_all_it_needs(leading: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    told = leading.well("ada", "export", str(stick))
    assert "small-bays release 1 (" in told
    assert device(leading, tmp_path).fetch(stick) > 0
    said = json.loads(leading.well("ada", "export", str(stick), "--json"))
    until = leading.office.client(tmp_path / "t").look("small-bays", now=leading.office.time.now()).good_until
    assert said["good_until"] == until.isoformat().replace("+00:00", "Z")
    readme = (stick / "README.txt").read_text()
    assert f"until {until:%Y-%m-%d %H:%M} UTC" in readme
    assert "slipway-edge install" in readme


def test_a_paused_rollout_is_carried_as_it_stands(leading: Any, tmp_path: Path) -> None:
    site, stick = leading.office, tmp_path / "stick"
    site.promote("b")
    site.start()
    site.move(pausing())
    told = leading.well("ada", "export", str(stick))
    assert "small-bays release 2, on its way" in told
    look = device(leading, tmp_path).look(stick)
    assert (look.pointer.paused, look.base and look.base.number, look.target and look.target.number) == (True, 1, 2)
    assert look.pointer.wanted("gate-7", frozenset(), has=1) == look.pointer.base


def test_the_same_checks_are_made(leading: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    leading.well("ada", "export", str(stick))
    (model,) = (stick / "targets/models").rglob("*.model.fp32.onnx")
    data = model.read_bytes()
    model.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(WrongDigest, match="onnx"):
        device(leading, tmp_path).fetch(stick)
    late = device(leading, tmp_path, "small-bays")
    late.clock_days = 30
    with pytest.raises(Untrusted, match="expired"):
        late.look(stick)
    leading.well("ada", "export", str(stick))
    assert device(leading, tmp_path).fetch(stick) > 0


def test_only_what_a_model_and_a_class_need(two_classes: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    two_classes.well("ada", "export", str(stick), "--model", "large-bays", "--class", "edge-int8")
    names = {path.name[65:] for path in (stick / "targets/models").rglob("*") if path.is_file()}
    assert names == {"model.int8-cpu.onnx", "golden.npz", "reference.json", "manifest.json", "1.release.json"}
    look = device(two_classes, tmp_path, "large-bays").look(stick)
    assert look.base is not None
    with pytest.raises(NotThere):
        device(two_classes, tmp_path).look(stick)
    two_classes.well("ada", "export", str(stick))
    assert device(two_classes, tmp_path).fetch(stick) > 0


def test_wrong_names_are_told(leading: Any, tmp_path: Path) -> None:
    stick = str(tmp_path / "stick")
    assert "Did you mean `small-bays`?" in leading.at("ada", "export", stick, "--model", "smal-bays").err
    assert "Did you mean `edge-cpu`?" in leading.at("ada", "export", stick, "--class", "edge-cpus").err
    assert "would hold" in leading.well("ada", "export", stick, "--dry-run")
    assert not (tmp_path / "stick").exists()


def test_the_channel_itself_is_no_place_for_a_copy(leading: Any) -> None:
    own = leading.office.folder
    before = files(own)
    for place in (own, own / "copy", own.parent):
        refused = leading.at("ada", "export", str(place))
        assert (refused.code, "the channel itself" in refused.err) == (2, True)
    assert files(own) == before


def test_a_folder_that_holds_something_else_is_left_alone(leading: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    (stick / "targets").mkdir(parents=True)
    (stick / "targets" / "mine.txt").write_text("mine")
    refused = leading.at("ada", "export", str(stick))
    assert (refused.code, "a folder `targets` that is no channel's" in refused.err) == (2, True)
    other = tmp_path / "other"
    (other / "metadata").mkdir(parents=True)
    (other / "metadata" / "1.root.json").write_text("{}")
    assert "holds another channel" in leading.at("ada", "export", str(other)).err
    assert files(stick) == {"targets/mine.txt": b"mine"}


@pytest.mark.parametrize(
    "name", [".", "metadata", "targets", "targets/models", ".unfinished-README.txt", "metadata/.unfinished-1.root.json"]
)
def test_a_link_in_a_prepared_folder_is_refused_and_leads_nowhere(tmp_path: Path, name: str) -> None:
    stick, mine = tmp_path / "stick", tmp_path / "mine"
    (mine / "sub").mkdir(parents=True)
    (mine / "sub" / "thesis.txt").write_text("mine")
    for place in (mine / "1.root.json", mine / "metadata" / "1.root.json", stick / "metadata" / "1.root.json"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"root")
    if name in {".", "metadata"}:
        shutil.rmtree(stick / name)
    link = stick / name
    link.parent.mkdir(exist_ok=True)
    before = files(mine)
    link.symlink_to(mine / "sub" / "thesis.txt" if "unfinished" in name else mine)
    with pytest.raises(WrongUse, match="is a link"):
        ExportFolder(stick, b"root")
    assert files(mine) == before


def test_a_link_that_comes_meanwhile_is_not_followed(tmp_path: Path) -> None:
    stick, mine = tmp_path / "stick", tmp_path / "mine"
    mine.write_text("mine")
    folder = ExportFolder(stick, b"root")
    stick.mkdir()
    (stick / ".unfinished-README.txt").symlink_to(mine)
    folder.note("text")
    assert (mine.read_text(), (stick / "README.txt").read_text()) == ("mine", "text")


def test_again_it_is_brought_up_to_date_and_holds_nothing_old(leading: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    (stick / "holiday").mkdir(parents=True)
    (stick / "holiday" / "photo.jpg").write_bytes(b"photo")
    leading.well("ada", "export", str(stick))
    follower = device(leading, tmp_path)
    follower.fetch(stick)
    leading.office.time.forward(minutes=1)
    leading.office.release("b", "c")
    leading.well("ada", "export", str(stick))
    base = follower.look(stick).base
    assert base is not None
    assert base.number == 3
    assert follower.fetch(stick) > 0
    shutil.rmtree(tmp_path / "trust-of-small-bays")
    fresh = tmp_path / "fresh"
    leading.well("ada", "export", str(fresh))
    found = files(stick)
    assert found.pop("holiday/photo.jpg") == b"photo"
    assert found.keys() == files(fresh).keys()


def test_a_channel_without_releases_has_nothing_to_carry(machines: Any, tmp_path: Path) -> None:
    refused = machines.at("ada", "export", str(tmp_path / "stick"))
    assert "has no release yet" in refused.err


def test_what_is_damaged_in_the_channel_gets_onto_no_stick(leading: Any, tmp_path: Path) -> None:
    (model,) = (leading.office.folder / "targets/models").rglob("*.model.fp32.onnx")
    model.write_bytes(model.read_bytes()[:-1])
    stick = tmp_path / "stick"
    refused = leading.at("ada", "export", str(stick))
    assert (refused.code, "is damaged: expected" in refused.err) == (1, True)
    assert not (stick / "metadata/timestamp.json").exists()
    assert "is damaged: expected" in leading.at("ada", "verify").out
    model.unlink()
    assert "is not there" in leading.at("ada", "verify").out


def test_it_is_good_until_the_first_signature_ends(leading: Any, tmp_path: Path) -> None:
    """And a device says so by its own clock."""
    stick = tmp_path / "stick"
    leading.well("ada", "export", str(stick))
    first = (stick / "metadata/1.root.json").read_bytes()
    client = ChannelClient(tmp_path / "trust", FolderTransport(stick), first)
    until = client.look("small-bays", now=leading.office.time.now()).good_until
    assert client.look("small-bays", now=until - timedelta(minutes=1)).base is not None
    with pytest.raises(Untrusted, match="expired"):
        client.look("small-bays", now=until)


def test_devices_install_offline_what_they_are_pinned_to(leading: Any, tmp_path: Path) -> None:
    """Release 2 is everybody's, and the harbour stays with 1."""
    site, stick, until = leading.office, tmp_path / "stick", leading.office.time.now() + timedelta(days=7)
    site.release("b")
    site.move(pinning(("site", "harbour"), 1, until), "edda", reason="the lane is rebuilt")
    told = leading.well("ada", "export", str(stick))
    assert "small-bays release 1, pinned: site harbour (" in told
    assert "release 1, pinned: site harbour, for edge-cpu" in (stick / "README.txt").read_text()
    carried = json.loads(leading.well("ada", "export", str(stick), "--json"))["carried"]
    assert [(one["release"], one["pinned"]) for one in carried] == [(2, []), (1, ["site harbour"])]
    shutil.move(site.folder, tmp_path / "away")
    for place, expected in (("harbour", 1), ("station", 2)):
        device = Device(tmp_path / place)
        options = ("--channel", "https://127.0.0.1:9", "--root", stick / "metadata/1.root.json", "--site", place)
        edge("enrol", *options, "--class", "edge-cpu", "--model", "small-bays", "--offline", home=device.home)
        edge("install", stick, home=device.home)
        assert device.active() == expected


def test_a_pin_that_has_ended_brings_nothing(leading: Any) -> None:
    site, now = leading.office, leading.office.time.now()
    site.release("b")
    site.move(pinning(("device", "gate-7"), 1, now + timedelta(hours=1)), "edda", reason="the lane is rebuilt")
    source = FolderTransport(site.folder)
    for hours, expected in ((0, [2, 1]), (2, [2])):
        found = plan(source, ["small-bays"], Wanted(), now=now + timedelta(hours=hours))
        assert [one.number for one in found.carried] == expected
