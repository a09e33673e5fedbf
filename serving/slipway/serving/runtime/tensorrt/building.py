"""An engine of a bundle's variant for this device: found where it was made before, else made in a child process."""

from pathlib import Path

from slipway.serving.bundle.canonical import sha256
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.reading import read_plain
from slipway.serving.bundle.verifying import LARGEST_FILE
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.asking import Here, Limits, Progress, look, make_apart
from slipway.serving.runtime.tensorrt.cache import EngineCache, EngineFile, Identity
from slipway.serving.runtime.tensorrt.profiles import tensors_of


def build_engine(  # noqa: PLR0913 - all that an engine depends on, by name
    model: Path,
    contract: Contract,
    precision: str,
    folder: Path,
    *,
    python: Path | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    here: Here | None = None,
) -> EngineFile:
    """The engine of a model file, from the cache in `folder`; ModelUnfit says everything that kept it from being made.

    `OSError` is the disk's fault and not the model's. `python` owns `tensorrt` where that is another interpreter;
    `precision` is the variant's name.
    """
    here = here or look(python)
    identity = Identity(sha256(read_plain(model, LARGEST_FILE)), precision, here, tensors_of(contract))
    cache = EngineCache(folder)
    if found := cache.find(identity):
        return found
    place = cache.place(identity)
    try:
        tried = make_apart(
            here,
            model,
            identity.tensors,
            python=python,
            timing=cache.timing(here),
            keep=place,
            limits=limits or Limits(),
            progress=progress,
        )
        if not tried.built:
            raise ModelUnfit(f"{here.told} made no engine of {model.name}: {' '.join(tried.problems)}")
        return cache.adopt(identity, tried.sha256)
    finally:
        place.unlink(missing_ok=True)
