"""Keeps each quota's status: what it allows and what is used of it."""

from decimal import Decimal

from cluster.admission import used_in
from cluster.api import Api
from cluster.kinds import QUOTAS
from cluster.objects import Json, at, namespace_of
from cluster.quantities import written


class QuotaController:
    """Counts again whenever anything changes."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def sync(self) -> None:
        for quota in self._api.storage.all_of(QUOTAS):
            used = used_in(self._api.storage, namespace_of(quota))
            hard: Json = at(quota, "spec", "hard", default={})
            counted = {name: written(used.get(name, Decimal(0)), str(value)) for name, value in hard.items()}
            status = {"hard": hard, "used": counted}
            if quota.get("status") != status:
                self._api.edit(QUOTAS, quota, lambda now, status=status: now.update(status=status))  # type: ignore[misc]
