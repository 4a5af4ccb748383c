"""What is answered where a request is not granted (RFC 9457), and which requests are not even looked at."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ..model import ConvokeError

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 64 * 1024
DEEPEST_BODY = 16
"""How many objects and lists may stand inside each other; no request has more than four."""
MOST_ERRORS = 50
LONGEST_FIELD = 100
"""Characters of a field's name that are repeated: whoever sends an unknown one may have it be of any length."""


class Problem(ConvokeError):
    """A request that is not granted: why, in words for whoever sent it, and in which fields."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = {"Cache-Control": "no-store", **(headers or {})}

    @property
    def body(self) -> str:
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "errors": [{"field": field, "message": message} for field, message in self.errors[:MOST_ERRORS]],
        }
        return json.dumps(problem)

    @property
    def answer(self) -> dict[str, Any]:
        """As the function behind an HTTP API answers it (payload 2.0)."""
        return {
            "statusCode": self.status.value,
            "headers": {"Content-Type": MEDIA_TYPE, **self.headers},
            "body": self.body,
            "isBase64Encoded": False,
        }


def invalid(errors: Iterable[tuple[str, str]]) -> Problem:
    found = list(errors)
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(f"{field} {message}" for field, message in found[:3]), found
    )


WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "string_unicode": "must not contain halves of characters",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def in_words(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence whose subject is the field. What was sent is not repeated."""
    limit = (error.get("ctx") or {}).get("max_length")
    match error["type"]:
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long" | "string_too_long":
            return f"must not be longer than {limit}"
        case known if known in WORDS:
            return WORDS[known]
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return message.replace("Input should", "should")


def fields(errors: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for error in errors:
        path = [str(part) for part in error["loc"]]
        if path[:1] == ["header"]:
            path = [path[1].title()]
        elif path[:1] in (["body"], ["query"], ["path"]):
            path = path[1:]
        yield shortened(".".join(path)), in_words(error)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_FIELD else f"{name[: LONGEST_FIELD - 1]}…"


# --- bodies -------------------------------------------------------------------------------------------------------


def read_body(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON object that a request carries, ``None`` where it carries nothing. Raises :class:`Problem`."""
    body = event.get("body") or ""
    try:
        data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body cannot be read") from None
    if len(data) > LARGEST_BODY:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {LARGEST_BODY} bytes")
    if not data:
        return None
    media_type, _, parameters = event.get("headers", {}).get("content-type", "").lower().partition(";")
    if media_type.strip() != "application/json" or not _is_utf_8(parameters):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body must be application/json in UTF-8")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        # What Python says of a number that is too long, or of bytes, is of no use to whoever sent it.
        told = f": {error}" if type(error) in (json.JSONDecodeError, Ambiguous) else ""
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not well-formed JSON{told}") from None
    if not isinstance(value, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    if _is_too_deep(value):
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body has more than {DEEPEST_BODY} objects or lists in each other")
    return value


def _is_too_deep(value: Any) -> bool:
    """Whether what comes behind, which follows each level by a call of its own, might run out of calls."""
    level: list[Any] = [value]
    for _ in range(DEEPEST_BODY):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for members in inside for each in members if isinstance(each, dict | list)]
    return bool(level)


def _is_utf_8(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip() != "charset" or value.strip(' "') in ("utf-8", "utf8")


class Ambiguous(ValueError):
    """JSON that parsers read differently."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != len({name for name, _ in pairs}):
        raise Ambiguous("a name is there twice")
    return dict(pairs)


def _no_number(constant: str) -> float:
    raise Ambiguous(f"{constant} is not a number")
