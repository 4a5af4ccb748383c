"""Forms with a file, as browsers send them (``multipart/form-data``, RFC 7578), with limits of their own."""

from __future__ import annotations

import base64
import binascii
import re
from http import HTTPStatus

from ..model import frozen
from ..pages import forms, site
from ..pages.forms import Form
from .csv_reading import MOST_BYTES

LARGEST_BODY = MOST_BYTES + 200_000
"""Bytes: a file, and the fields beside it."""
MOST_BREAKS = 400_000
"""Line breaks of a body: each of them may begin a line of the table, which is looked at."""
MOST_PARTS = 50
LONGEST_HEAD = 4_000
"""Bytes of what stands above the content of a part."""
LONGEST_NAME = 100
"""Characters of a file's name that are kept."""
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r'(?:^|;)\s*name="([^"]*)"')
_FILE = re.compile(r'(?:^|;)\s*filename="([^"]*)"')


@frozen
class Upload:
    """What was sent: the fields, and the file, with its name; both are empty where none was chosen."""

    form: Form
    name: str = ""
    content: bytes = b""


def read(request: site.Request) -> Upload:
    """The form that was sent, with its file. Raises ``site.Refused`` (400, 413, 415) for what is none."""
    said = request.headers.get("content-type", "")
    if said.partition(";")[0].strip().lower() != "multipart/form-data":
        return Upload(form=forms.read(request))
    text, encoded = request.body
    if len(text) > LARGEST_BODY * 4 // 3 + 4:
        raise site.unreadable(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    boundary = _BOUNDARY.search(said)
    try:
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
    except (ValueError, binascii.Error):
        raise site.unreadable(request) from None
    if len(body) > LARGEST_BODY or body.count(b"\n") + body.count(b"\r") > MOST_BREAKS:
        raise site.unreadable(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    parts = None if boundary is None else _parts(body, boundary[1] or boundary[2])
    if parts is None:
        raise site.unreadable(request)
    fields: dict[str, tuple[str, ...]] = {}
    name, content = "", b""
    for part in parts:
        field, file, value = _read(part)
        if file is not None:
            name, content = (file, value) if value else (name, content)
        elif field is not None:
            fields[field] = (*fields.get(field, ()), forms.cleaned(value.decode("utf-8", "replace")))
    return Upload(form=Form(fields=fields), name=name, content=content)


def _parts(body: bytes, boundary: str) -> list[bytes] | None:
    """The parts, each with its head; ``None`` where there are too many, or the last one has no end."""
    delimiter = f"\r\n--{boundary}".encode("utf-8", "replace")
    _, *parts = (b"\r\n" + body).split(delimiter, MOST_PARTS + 1)
    return parts[:-1] if parts and parts[-1].startswith(b"--") else None


def _read(part: bytes) -> tuple[str | None, str | None, bytes]:
    """The field that a part is of, or the name of the file in it, and its content."""
    head, _, value = part.partition(b"\r\n\r\n")
    lines = head[:LONGEST_HEAD].decode("utf-8", "replace").split("\r\n")
    said = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    field, file = _NAME.search(said), _FILE.search(said)
    short = forms.cleaned(file[1])[:LONGEST_NAME] if file else None
    return field[1] if field else None, short, value
