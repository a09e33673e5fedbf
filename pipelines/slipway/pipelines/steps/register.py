"""The step `register`: a bundle that passed is one version of its model, made or found."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.given import later, needed
from slipway.pipelines.steps.shown import see_shown
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import Ask, How, Tell, Told, Values

if TYPE_CHECKING:
    from slipway.platform.registry.records import VersionRecord

NAME: Final = "register"
BUNDLE: Final = "bundle"
VERSION: Final = "version"
DIGITS: Final = 12


@dataclass(frozen=True)
class RegisterStep:
    """From a bundle that passed to a version."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether it is one."""
        if told := later(given, BUNDLE, NAME):
            return told
        record = _there(site, ask, given[BUNDLE])
        if record is None:
            return Told(step=NAME, how=How.TO_DO, line=f"No version of {ask.model} yet.")
        return _told(site, record, How.FOUND)

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Make it one; of one that is there, see that MLflow shows it as the ledger says."""
        bundle = needed(given, BUNDLE, NAME)
        begun = time.monotonic()
        if record := _there(site, ask, bundle):
            see_shown(site, record, tell)
            return _told(site, record, How.FOUND, seconds=time.monotonic() - begun)
        from slipway.pipelines.cli.model import registration
        from slipway.platform.registry.versions import register

        wanted = registration(site.desk, bundle)
        for remark in wanted.hands.remarks:
            tell(remark)
        tell(f"keeping bundle {bundle[:DIGITS]} and asking MLflow")
        done = register(site.desk, wanted)
        how = How.DONE if done.how == "made" else How.FOUND
        return _told(site, done.record, how, seconds=time.monotonic() - begun)


def _there(site: Site, ask: Ask, bundle: str) -> "VersionRecord | None":
    """Its version, where the ledger tells of it."""
    from slipway.platform.registry.records import agreed

    version = site.desk.standing(ask.model).versions.get(bundle)
    return agreed(site.store, ask.model, version) if version else None


def _told(site: Site, record: "VersionRecord", how: How, *, seconds: float = 0.0) -> Told:
    name = f"{record.model}/{record.number}"
    return Told(
        step=NAME,
        how=how,
        line=f"{name}, registered by {record.registered_by} {record.at:%Y-%m-%d %H:%M}.",
        values={VERSION: record.number},
        links={
            "the version": f"slipway model show {name}",
            "its card": f"slipway model card {name}",
            **_page(site, record),
        },
        seconds=seconds,
    )


def _page(site: Site, record: "VersionRecord") -> dict[str, str]:
    """Its page in MLflow, where a server has pages."""
    from slipway.platform.masking import masked
    from slipway.platform.settings.schema import SQLITE

    address = site.loaded.settings.mlflow.tracking_uri
    if address.startswith(SQLITE):
        return {}
    return {"in MLflow": f"{masked(address)}/#/models/{record.model}/versions/{record.number}"}


STEP: Final = RegisterStep()
