"""Whether MLflow was made to show a model as the ledger says since the ledger told of a version last.

Whoever writes to the ledger shows it in MLflow afterwards, and may be killed in between. What is noted as shown needs
no asking; so a step that finds its work done opens no connection to MLflow.
"""

from typing import TYPE_CHECKING

from slipway.pipelines.steps.step import Tell

if TYPE_CHECKING:
    from slipway.pipelines.steps.site import Site
    from slipway.platform.registry.records import VersionRecord


def see_shown(site: "Site", record: "VersionRecord", tell: Tell) -> None:
    """See that MLflow shows what the ledger says of this version's registration and promotions."""
    from slipway.platform.registry.guard_settled import last_settled

    version = site.desk.standing(record.model).versions[record.bundle]
    told = max(one.entry.number for one in (version.registered, *version.promotions))
    if last_settled(site.store, record.model).entry >= told:
        return
    from slipway.platform.registry.shown import show_version

    tell(f"MLflow may not show {record.model}/{record.number} as the ledger says: asking it")
    show_version(site.desk, record)
