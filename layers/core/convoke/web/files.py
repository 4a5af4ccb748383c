"""Files that browsers keep: with an ETag (RFC 9110, section 8.8.3), and compressed where the client takes gzip."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

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


def serve(request: Mapping[str, Any], file: File, headers: Mapping[str, str]) -> dict[str, Any]:
    """The response (payload format 2.0) to a request for a file, as :func:`answered`."""
    said = {name.lower(): value for name, value in (request.get("headers") or {}).items()}
    status, headers, body = answered(said, file, headers)
    encoded = base64.b64encode(body).decode()
    return {"statusCode": status, "headers": headers, "body": encoded, "isBase64Encoded": bool(body)}


def answered(asked: Mapping[str, str], file: File, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body for whoever ``asked`` for a file with these headers (names in lower case): 200, or 304
    where they have it.
    """
    headers = {**HEADERS, **headers, "ETag": file.etag}
    if is_known(asked.get("if-none-match", ""), file.etag):
        return HTTPStatus.NOT_MODIFIED.value, headers, b""
    headers = {"Content-Type": file.media_type, **headers}
    if not takes_gzip(asked.get("accept-encoding", "")):
        return HTTPStatus.OK.value, headers, file.content
    return HTTPStatus.OK.value, {**headers, "Content-Encoding": "gzip"}, file.compressed


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names this version. It is compared weakly (RFC 9110, section 13.1.2)."""
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(known & {"*", etag.removeprefix("W/")})


def takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding (RFC 9110, section 12.5.3) names gzip, and not with a weight of zero."""
    for part in accepted.lower().split(","):
        coding, _, weight = (piece.strip() for piece in part.partition(";"))
        if coding == "gzip":
            return re.fullmatch(r"q=0(\.0*)?", weight) is None
    return False
