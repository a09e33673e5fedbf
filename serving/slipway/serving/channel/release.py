"""What the release key says of one release, `models/<model>/<bundle>/<number>.release.json`.

It is written once. The floor is what a thief of the rollout key cannot get below: devices refuse every release below
the highest floor that they have seen.
"""

from typing import Final, Literal

from pydantic import Field, model_validator

from slipway.serving.bundle.contract import Part
from slipway.serving.bundle.manifest import Digest, ModelName
from slipway.serving.channel.limits import MOST
from slipway.serving.channel.pointer import AgentVersion, Moment

LARGEST_RELEASE: Final = 64 * 1024


class Release(Part):
    """A bundle in a channel."""

    format: Literal[1] = 1
    model: ModelName
    number: int = Field(ge=1, le=MOST)
    bundle: Digest
    floor: int = Field(ge=0, le=MOST)
    """The lowest number that devices may still run; 0 where there is no way back to keep open yet."""
    minimum_agent: AgentVersion = "0.0.0"
    signed_at: Moment

    @model_validator(mode="after")
    def _below(self) -> "Release":
        if self.floor > self.number:
            raise ValueError("A release lies at or above its own floor")
        return self
