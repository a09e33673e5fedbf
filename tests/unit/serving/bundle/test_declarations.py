"""What models declare is what manifests say: one goes into the other unchanged."""

import json

import pytest

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
