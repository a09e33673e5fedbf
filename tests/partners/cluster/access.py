"""Who asks, and what they may do: tokens, and Roles as RBAC reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.errors import ApiError
from cluster.kinds import Kind
from cluster.objects import Json


@dataclass(frozen=True)
class User:
    """Somebody with a token."""

    name: str
    rules: Sequence[Json] | None = None
    """What they may do; None for everything."""
    namespace: str | None = None
    """Where the rules hold; None for everywhere."""

    def may(self, verb: str, kind: Kind, part: str, namespace: str, name: str) -> bool:
        if self.rules is None:
            return True
        if self.namespace is not None and self.namespace != namespace:
            return False
        resource = f"{kind.plural}/{part}" if part else kind.plural
        return any(_allows(rule, verb, kind.group, resource, name) for rule in self.rules)

    def check(self, verb: str, kind: Kind, part: str, namespace: str, name: str) -> None:
        """Raise, in a server's words, for what they may not do."""
        if self.may(verb, kind, part, namespace, name):
            return
        resource = f"{kind.plural}/{part}" if part else kind.plural
        subject = (
            f"{kind.qualified}{f'/{part}' if part else ''}"
            if not kind.group or not part
            else f"{kind.plural}.{kind.group}/{part}"
        )
        subject = subject + (f' "{name}"' if name else "")
        where = f' in the namespace "{namespace}"' if kind.namespaced and namespace else " at the cluster scope"
        words = (
            f'{subject} is forbidden: User "{self.name}" cannot {verb} resource "{resource}" in API group '
            f'"{kind.group}"{where}'
        )
        raise ApiError(403, "Forbidden", words, {"name": name, "group": kind.group, "kind": kind.plural})


def _allows(rule: Mapping[str, Sequence[str]], verb: str, group: str, resource: str, name: str) -> bool:
    names = rule.get("resourceNames") or []
    return (
        bool({verb, "*"} & set(rule.get("verbs", [])))
        and bool({group, "*"} & set(rule.get("apiGroups", [])))
        and bool({resource, "*"} & set(rule.get("resources", [])))
        and (not names or name in names)
    )


ANONYMOUS = User("system:anonymous", rules=())
