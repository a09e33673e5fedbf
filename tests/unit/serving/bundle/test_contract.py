"""What models declare is what manifests say: one goes into the other unchanged."""

import json

import pytest
from pydantic import ValidationError

from slipway.platform.models.finder import installed_models
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.manifest import DeviceClass

MODELS = installed_models()


@pytest.mark.parametrize("name", MODELS)
def test_every_models_contract_is_a_bundles_contract(name: str) -> None:
    declared = MODELS[name].declaration.export.model_dump(mode="json")
    assert Contract.model_validate_json(json.dumps(declared)).model_dump(mode="json") == declared


@pytest.mark.parametrize("name", MODELS)
def test_every_models_device_classes_are_a_bundles_device_classes(name: str) -> None:
    for device in MODELS[name].declaration.devices.values():
        declared = device.model_dump(mode="json")
        assert DeviceClass.model_validate_json(json.dumps(declared)).model_dump(mode="json") == declared


def contract(**changed: object) -> dict[str, object]:
    sound: dict[str, object] = {
        "inputs": [{"name": "images", "dims": ["batch", 3]}],
        "outputs": [{"name": "logits", "dims": ["batch", 2], "meaning": "Scores."}],
        "dims": {"batch": {"least": 1, "usual": 2, "most": 4}},
    }
    return {**sound, **changed}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dims": {}}, "`batch` stands in"),
        ({"dims": {"batch": {}, "width": {}}}, "`width` stands in"),
        ({"dims": {"batch": {"least": 3, "usual": 2, "most": 4}}}, "`least` <= `usual` <= `most`"),
        ({"outputs": [{"name": "images", "dims": ["batch"], "meaning": "Scores."}]}, "two tensors"),
        ({"inputs": []}, "at least 1 item"),
        ({"inputs": [{"name": "Images", "dims": [1]}]}, "pattern"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Contract.model_validate(contract(**changed))
