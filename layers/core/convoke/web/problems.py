"""Error responses (RFC 9457), validation errors in words, and reading a request's body within its limits."""

from __future__ import annotations

import base64
import binascii
import json
import traceback
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from ..model import ConvokeError
from ..store.external_ids import Taken
from ..store.repository import NO_CURSOR

MEDIA_TYPE = "application/problem+json"
PATCH_MEDIA_TYPE = "application/merge-patch+json"
"""What a PATCH may be besides ``application/json`` (RFC 7396)."""
LARGEST_BODY = 64 * 1024
"""Bytes of a body, unless :data:`LARGEST` has its route."""
LARGEST_BULK = 1024 * 1024
"""Bytes of a body with many people."""
BULK_ROUTE = "POST /events/{event_id}/registrations/bulk"
LARGEST_SETTINGS = 160 * 1024
"""Bytes of a body with an image of 100,000 bytes in Base64."""
LARGEST = {BULK_ROUTE: LARGEST_BULK, "PATCH /account": LARGEST_SETTINGS}
"""Routes whose bodies may be larger than others."""
DEEPEST_BODY = 16
"""How deep objects and lists may be nested; no valid request has more than four levels."""
MOST_MEMBERS = 100
"""How many fields an object may have: metadata has the most, and each one that is not known takes time to refuse."""
MOST_ERRORS = 50
"""How many wrong fields one response names."""
LONGEST_FIELD = 100
"""Characters of a field's name in an error: the name of an unknown field may be of any length."""


CODES = {
    HTTPStatus.BAD_REQUEST: "malformed_body",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "scope_missing",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.PRECONDITION_FAILED: "version_mismatch",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid_field",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "busy",
}
"""The code of an error that has none of its own. Codes stay as they are within a version of the API."""


class Problem(ConvokeError):
    """A request that is refused. ``detail`` says why, for the caller; ``errors`` are pairs of field and message;
    ``code`` is for programs, by default that of the status.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        *,
        code: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or CODES[status]
        self.errors = list(errors)
        self.headers = {"Cache-Control": "no-store", **(headers or {})}

    @property
    def body(self) -> str:
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
            "errors": [{"field": field, "message": message} for field, message in self.errors[:MOST_ERRORS]],
        }
        return json.dumps(problem)

    @property
    def answer(self) -> dict[str, Any]:
        return payload(self.status, {"Content-Type": MEDIA_TYPE, **self.headers}, self.body)


def payload(status: HTTPStatus, headers: Mapping[str, str], body: str = "") -> dict[str, Any]:
    """The response of a Lambda function behind an HTTP API (payload format 2.0)."""
    return {"statusCode": status.value, "headers": headers, "body": body, "isBase64Encoded": False}


def invalid(errors: Iterable[tuple[str, str]]) -> Problem:
    """A 422 of pairs of field and message; its detail has the first three."""
    found = list(errors)
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(f"{field} {message}" for field, message in found[:3]), found
    )


def logged(error: Exception) -> dict[str, Any]:
    """What is logged of an error that nobody expected: its type, the code of AWS, and the lines of code; never its
    message, which may contain what somebody typed.
    """
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    where = [f"{step.filename}:{step.lineno}" for step in traceback.extract_tb(error.__traceback__)]
    return {"error": type(error).__name__, "code": code, "where": where}


def external_id_taken(error: Taken) -> Problem:
    message = f"is that of {error.name} {error.holder}"
    return Problem(HTTPStatus.CONFLICT, f"external_id {message}", [("external_id", message)], code="external_id_taken")


MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "string_unicode": "must not contain surrogates",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


FORMS = {
    "Idempotency-Key": "must have 1 to 255 visible ASCII characters, and no space",
    "cursor": NO_CURSOR,
    "after": "must be the id of an event, as webhooks and GET /changes have it",
}
"""What is said instead of a regular expression, by field."""


def message_of(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a predicate to the field's name. It never repeats the value that was sent."""
    limit = (error.get("ctx") or {}).get("max_length")
    match error["type"]:
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long" | "string_too_long":
            return f"must not be longer than {limit}"
        case known if known in MESSAGES:
            return MESSAGES[known]
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return message.replace("Input should", "should")


def fields(errors: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    """Pydantic's errors as pairs of field (a dotted path, or a header's name) and message."""
    for error in errors:
        path = [str(part) for part in error["loc"]]
        if path[:1] == ["header"]:
            path = [path[1].title()]
        elif path[:1] in (["body"], ["query"], ["path"]):
            path = path[1:]
        field = ".".join(path)
        form = FORMS.get(field) if error["type"] == "string_pattern_mismatch" else None
        yield shortened(field), form or message_of(error)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_FIELD else f"{name[: LONGEST_FIELD - 1]}…"


# --- bodies -------------------------------------------------------------------------------------------------------


def read_body(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON object in the body of an event of API Gateway (payload format 2.0), ``None`` where it has no body.

    Raises :class:`Problem`: 400, 413 or 415.
    """
    body = event.get("body") or ""
    try:
        data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body cannot be read") from None
    most = LARGEST.get(event.get("routeKey", ""), LARGEST_BODY)
    if len(data) > most:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {most} bytes")
    if not data:
        return None
    media_type, _, parameters = event.get("headers", {}).get("content-type", "").lower().partition(";")
    is_patch = event.get("routeKey", "").startswith("PATCH ")
    accepted = ("application/json", PATCH_MEDIA_TYPE) if is_patch else ("application/json",)
    if media_type.strip() not in accepted or not _is_utf_8(parameters):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body must be {' or '.join(accepted)} in UTF-8")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_without_duplicates, parse_constant=_reject_constant)
    except TooManyMembers as error:
        message = f"is one too many: an object has at most {MOST_MEMBERS} fields"
        raise invalid([(shortened(error.name), message)]) from None
    except (ValueError, RecursionError) as error:
        # Python's messages about numbers that are too long, or about bytes, would not help the caller.
        detail = f": {error}" if type(error) in (json.JSONDecodeError, Ambiguous) else ""
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not well-formed JSON{detail}") from None
    if not isinstance(value, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    if _is_too_deep(value):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body has more than {DEEPEST_BODY} levels of objects and lists")
    return value


def _is_too_deep(value: Any) -> bool:
    """Whether the nesting could exhaust the stack of validation, which recurses; itself it does not recurse."""
    level: list[Any] = [value]
    for _ in range(DEEPEST_BODY):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for members in inside for each in members if isinstance(each, dict | list)]
    return bool(level)


def _is_utf_8(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip() != "charset" or value.strip(' "') in ("utf-8", "utf8")


class Ambiguous(ValueError):
    """JSON that different parsers read differently."""


class TooManyMembers(ConvokeError):
    """An object with too many fields; ``name`` is the first that is too many."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises :class:`Ambiguous` and :class:`TooManyMembers`."""
    if len(pairs) > MOST_MEMBERS:
        raise TooManyMembers(pairs[MOST_MEMBERS][0])
    if len(pairs) != len({name for name, _ in pairs}):
        raise Ambiguous("a name appears twice")
    return dict(pairs)


def _reject_constant(constant: str) -> float:
    raise Ambiguous(f"{constant} is not a number")
