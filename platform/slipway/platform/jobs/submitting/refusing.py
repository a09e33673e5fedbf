"""What is refused before anything is written, the same by a submission and by a dry run of it.

The target's own limits are `placing`'s. Here: what a cluster could not reach, a name that other work has, code that may
not travel, and a budget that the attempts before have used up.
"""

from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import spent
from slipway.platform.runs.code.archive import archived
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.layout import code_key
from slipway.platform.store import ObjectMissing, Store
from slipway.platform.telling import money

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded
    from slipway.platform.settings.schema import Target

CENT: Final = Decimal("0.01")


def check_cluster(name: str, target: "Target", loaded: "Loaded") -> None:
    """Refuse what a job in a cluster could not do with these settings."""
    if target.launcher != "kubernetes":
        return
    from slipway.platform.jobs.launchers.kubernetes.pod import image
    from slipway.platform.jobs.launchers.kubernetes.variables import check_addresses

    image(name, target, loaded.settings)
    check_addresses(loaded.settings, loaded.root)


def check_code(code: Code, store: Store) -> None:
    """Refuse secrets and what is too large, as storing it would; what is stored was found fit."""
    try:
        store.size(code_key(code.digest))
    except ObjectMissing:
        archived(code)


def check_budget(store: Store, job: JobSpec, command: str) -> None:
    """Refuse an attempt that would be stopped at once; `command` is what to call with another budget."""
    budget, currency = job.limits.budget, job.price.currency
    if budget is None:
        return
    cost = spent(store, job)
    if cost < budget:
        return
    more = (cost + budget).quantize(CENT, ROUND_UP)
    raise WrongUse(
        f"Its attempts have cost {money(cost, currency)} of a budget of {money(budget, currency)}: another one would "
        "be stopped at once.",
        mend=f"A budget is for all attempts together. Give more: {command} --budget {more}",
    )
