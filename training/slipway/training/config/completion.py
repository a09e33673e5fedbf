"""What a shell may complete an override to: groups with their options, and keys."""

from slipway.platform.errors import SlipwayError
from slipway.platform.models.finder import model_named
from slipway.training.config.build import keys_of
from slipway.training.config.compose import vocabulary_of


def overrides(model: str, incomplete: str) -> list[str]:
    """Overrides of this model that begin like that; none where the model cannot be read."""
    try:
        vocabulary = vocabulary_of(model_named(model))
    except SlipwayError:
        return []
    group, equals, _ = incomplete.partition("=")
    if equals:
        found = [f"{group}={option}" for option in vocabulary.groups.get(group, ())]
    else:
        keys = [key for key in keys_of(vocabulary.config) if key != "model"]
        found = [f"{name}=" for name in (*vocabulary.groups, *keys)]
    return [one for one in found if one.startswith(incomplete)]
