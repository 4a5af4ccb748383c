"""The documentation of the API at ``/docs`` and ``/openapi.json``: small, cacheable, and all of it served from here.

The page is Swagger UI, of which powertools brings a copy. Each answer has an ETag (RFC 9110, section 8.8.3), is
compressed where the client takes gzip, and forbids the page whatever is not of its own origin.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any

from .problems import Problem

SWAGGER_UI = "aws_lambda_powertools.event_handler.openapi.swagger_ui"
ASSETS = {
    "swagger-ui.js": (SWAGGER_UI, "swagger-ui-bundle.min.js", "text/javascript; charset=utf-8"),
    "swagger-ui.css": (SWAGGER_UI, "swagger-ui.min.css", "text/css; charset=utf-8"),
    "docs.js": ("convoke.web", "static/docs.js", "text/javascript; charset=utf-8"),
    "docs.css": ("convoke.web", "static/docs.css", "text/css; charset=utf-8"),
}
"""The files under ``/docs/``: the package and the file in it, and the media type."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
REVALIDATED = "public, max-age=300"
FOREVER = "public, max-age=31536000, immutable"
HEADERS = {"Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class File:
    """Something to be served: its bytes, as they are and compressed, and what names this version of them."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.compressed = gzip.compress(content, 9, mtime=0)
        # Weak, since compressed and not it is the same.
        self.etag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'


def answer(request: Mapping[str, Any], route: str, describe: Callable[[], str]) -> dict[str, Any]:
    """The response (payload format 2.0) to one of the routes of the documentation; ``describe`` is the OpenAPI text.

    Raises :class:`Problem` (404) for a file that there is not.
    """
    match route:
        case "GET /docs":
            return _serve(request, page(), {"Cache-Control": REVALIDATED, "Content-Security-Policy": POLICY})
        case "GET /openapi.json":
            return _serve(request, description(describe), {"Cache-Control": REVALIDATED})
    name = (request.get("pathParameters") or {}).get("asset", "")
    if name not in ASSETS:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    named = (request.get("queryStringParameters") or {}).get("v")
    return _serve(request, asset(name), {"Cache-Control": FOREVER if named == version() else REVALIDATED})


@cache
def asset(name: str) -> File:
    package, file, media_type = ASSETS[name]
    return File(resources.files(package).joinpath(file).read_bytes(), media_type)


@cache
def version() -> str:
    """What the page appends to the addresses of its files, so that browsers may keep them for good."""
    return hashlib.sha256("".join(asset(name).etag for name in ASSETS).encode()).hexdigest()[:12]


@cache
def page() -> File:
    text = resources.files("convoke.web").joinpath("static/docs.html").read_text("utf-8")
    return File(text.replace("VERSION", version()).encode(), "text/html; charset=utf-8")


@cache
def description(describe: Callable[[], str]) -> File:
    text = json.dumps(json.loads(describe()), ensure_ascii=False, separators=(",", ":"))
    return File(text.encode(), "application/json")


def _serve(request: Mapping[str, Any], file: File, headers: Mapping[str, str]) -> dict[str, Any]:
    said = {name.lower(): value for name, value in (request.get("headers") or {}).items()}
    shared = {**HEADERS, **headers, "ETag": file.etag}
    known = {tag.strip() for tag in said.get("if-none-match", "").split(",")}
    # Compared weakly (RFC 9110, section 13.1.2).
    if known & {"*", file.etag, file.etag.removeprefix("W/")}:
        return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": shared, "body": "", "isBase64Encoded": False}
    packed = _takes_gzip(said.get("accept-encoding", ""))
    return {
        "statusCode": HTTPStatus.OK.value,
        "headers": {"Content-Type": file.media_type, **shared, **({"Content-Encoding": "gzip"} if packed else {})},
        "body": base64.b64encode(file.compressed if packed else file.content).decode(),
        "isBase64Encoded": True,
    }


def _takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding (RFC 9110, section 12.5.3) names gzip, and not with a weight of zero."""
    for part in accepted.lower().split(","):
        coding, _, weight = (piece.strip() for piece in part.partition(";"))
        if coding == "gzip":
            return re.fullmatch(r"q=0(\.0*)?", weight) is None
    return False
