"""A bundle's contract is one that can be kept."""

import pytest
from pydantic import ValidationError

from slipway.serving.bundle.contract import Contract


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
