"""The documentation of the API at ``/docs`` and ``/openapi.json``: small, cacheable, and all of it served from here.

The page is Swagger UI, of which powertools brings a copy. Each answer has an ETag (RFC 9110, section 8.8.3), is
compressed where the client takes gzip, and forbids the page whatever is not of its own origin.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any

from .files import FOREVER, REVALIDATED, File, serve
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


def answer(request: Mapping[str, Any], route: str, describe: Callable[[], str]) -> dict[str, Any]:
    """The response (payload format 2.0) to one of the routes of the documentation; ``describe`` is the OpenAPI text.

    Raises :class:`Problem` (404) for a file that there is not.
    """
    match route:
        case "GET /docs":
            return serve(request, page(), {"Cache-Control": REVALIDATED, "Content-Security-Policy": POLICY})
        case "GET /openapi.json":
            return serve(request, description(describe), {"Cache-Control": REVALIDATED})
    name = (request.get("pathParameters") or {}).get("asset", "")
    if name not in ASSETS:
        raise Problem(HTTPStatus.NOT_FOUND, "no such resource")
    named = (request.get("queryStringParameters") or {}).get("v")
    return serve(request, asset(name), {"Cache-Control": FOREVER if named == version() else REVALIDATED})


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
