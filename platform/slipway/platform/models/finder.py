"""Finding models: every folder with a `model.yaml` in a package that the entry-point group `slipway.models` names.

A distribution brings models with

    [project.entry-points."slipway.models"]
    training = "slipway.training.models"

The package is found and not imported, so whoever only asks what there is needs none of what the models need.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.models.names import folder_name, is_model_name, model_name
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.models.schema import Declaration

GROUP: Final = "slipway.models"
DECLARATION: Final = "model.yaml"
EXPECTATIONS: Final = "expectations.yaml"
CONFIGS: Final = "conf"


@dataclass(frozen=True)
class Model:
    """A model that is installed here: its name, folder and package; what it declares is read when asked for."""

    name: str
    folder: Path
    package: str
    """Such as `slipway.training.models.vehicle_reid`."""

    @property
    def file(self) -> Path:
        """Its declaration."""
        return self.folder / DECLARATION

    @property
    def expectations(self) -> Path:
        """Its suite of expectations."""
        return self.folder / EXPECTATIONS

    @property
    def configs(self) -> Path:
        """Its Hydra configs."""
        return self.folder / CONFIGS

    @cached_property
    def declaration(self) -> "Declaration":
        """What it declares."""
        from slipway.platform.models.reading import BadDeclaration, read_declaration

        declared = read_declaration(self.file)
        if declared.name != self.name:
            raise BadDeclaration(
                f"{self.file} declares `{declared.name}`, but its folder `{self.folder.name}` is that of "
                f"`{self.name}`.",
                mend=f"Write `name: {self.name}`, or call the folder `{folder_name(declared.name)}`.",
            )
        return declared


def installed_models() -> Mapping[str, Model]:
    """All models by name, sorted; nothing is read but names of folders."""
    found: dict[str, Model] = {}
    for package, folder in model_packages().items():
        for model in _models_in(package, folder):
            other = found.setdefault(model.name, model)
            if other.folder != model.folder:
                raise WrongUse(
                    f"Two folders are the model `{model.name}`: {other.folder} and {model.folder}.",
                    mend="Rename one of them, with the `name` in its model.yaml.",
                )
    return dict(sorted(found.items()))


def model_named(name: str) -> Model:
    """The model of this name."""
    models = installed_models()
    if name not in models:
        raise WrongUse(f"There is no model `{name}`.", mend=suggestion(name, models))
    return models[name]


def model_packages() -> Mapping[str, Path]:
    """The packages that hold models, with their folders; one that cannot be found holds none."""
    packages: dict[str, Path] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            spec = find_spec(point.value)
        except ImportError:
            spec = None
        for place in (spec.submodule_search_locations or ()) if spec else ():
            packages.setdefault(point.value, Path(place))
    return packages


def distribution_of(package: str) -> str | None:
    """The distribution that brings a model's package, where its metadata say so."""
    for point in entry_points(group=GROUP):
        if point.dist is not None and package.startswith(f"{point.value}."):
            return point.dist.name
    return None


def _models_in(package: str, folder: Path) -> Iterator[Model]:
    for file in sorted(folder.glob(f"*/{DECLARATION}")):
        name = model_name(file.parent.name)
        if is_model_name(name) and folder_name(name) == file.parent.name:
            yield Model(name, file.parent, f"{package}.{file.parent.name}")
