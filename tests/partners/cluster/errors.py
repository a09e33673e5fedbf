"""The server's refusals, in the words of a real one: a `Status` object each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.kinds import Kind
from cluster.objects import Json


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    def status(self) -> Json:
        """What the client gets."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    reason: str
    field: str
    words: str

    @classmethod
    def required(cls, field: str, detail: str = "") -> "Problem":
        return cls("FieldValueRequired", field, f"Required value{': ' + detail if detail else ''}")

    @classmethod
    def invalid(cls, field: str, value: Any, detail: str) -> "Problem":
        return cls("FieldValueInvalid", field, f"Invalid value: {json.dumps(value)}: {detail}")

    @classmethod
    def unsupported(cls, field: str, value: Any, supported: Sequence[str]) -> "Problem":
        choices = ", ".join(json.dumps(one) for one in supported)
        return cls(
            "FieldValueNotSupported", field, f"Unsupported value: {json.dumps(value)}: supported values: {choices}"
        )

    @classmethod
    def forbidden(cls, field: str, detail: str) -> "Problem":
        return cls("FieldValueForbidden", field, f"Forbidden: {detail}")

    @classmethod
    def duplicate(cls, field: str, value: Any) -> "Problem":
        return cls("FieldValueDuplicate", field, f"Duplicate value: {json.dumps(value)}")

    @classmethod
    def missing(cls, field: str, value: Any) -> "Problem":
        return cls("FieldValueNotFound", field, f"Not found: {json.dumps(value)}")


def _details(kind: Kind, name: str, **more: Any) -> Json:
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural, **more}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.qualified} "{name}" not found', _details(kind, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(kind: Kind, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    words = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", words, _details(kind, name))


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """Refused by admission: quota, a missing service account, pod security."""
    return ApiError(403, "Forbidden", f'{kind.qualified} "{name}" is forbidden: {why}', _details(kind, name))


def invalid(kind: Kind, name: str, problems: Sequence[Problem]) -> ApiError:
    texts = [f"{one.field}: {one.words}" for one in problems]
    together = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [{"reason": one.reason, "message": one.words, "field": one.field} for one in problems]
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = {**_details(kind, name), "kind": kind.kind, "causes": causes}
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {together}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def expired(asked: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def not_here(what: str) -> ApiError:
    """Real servers have it, this one does not: said, never passed over."""
    return ApiError(501, "NotImplemented", f"the test partner does not have {what}")
