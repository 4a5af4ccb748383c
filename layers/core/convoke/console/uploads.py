"""Forms with a file, as browsers send them (``multipart/form-data``, RFC 7578), with limits of their own."""

from __future__ import annotations

import base64
import binascii
import re
from email import policy
from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus

from ..model import frozen
from ..pages import forms, site
from ..pages.forms import Form
from .csv_reading import MOST_BYTES

LARGEST_BODY = MOST_BYTES + 200_000
"""Bytes: a file, and the fields beside it."""
MOST_BREAKS = 400_000
"""Line breaks of a body: the standard library's parser looks at each line."""
MOST_PARTS = 50
LONGEST_NAME = 100
"""Characters of a file's name that are kept."""
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
    try:
        body = base64.b64decode(text, validate=True) if encoded else text.encode()
        head = f"Content-Type: {said}\r\n\r\n".encode("ascii")
    except (ValueError, binascii.Error):
        raise site.unreadable(request) from None
    if len(body) > LARGEST_BODY or body.count(b"\n") + body.count(b"\r") > MOST_BREAKS:
        raise site.unreadable(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    message = BytesParser(policy=policy.compat32).parsebytes(head + body)
    parts = message.get_payload()
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        raise site.unreadable(request)
    fields: dict[str, tuple[str, ...]] = {}
    name, content = "", b""
    for part in parts:
        if not isinstance(part, Message):
            continue
        field, file, value = _read(part)
        if file is not None:
            name, content = (file, value) if value else (name, content)
        elif field is not None:
            fields[field] = (*fields.get(field, ()), forms.cleaned(value.decode("utf-8", "replace")))
    return Upload(form=Form(fields=fields), name=name, content=content)


def _read(part: Message) -> tuple[str | None, str | None, bytes]:
    """The field that a part is of, or the name of the file in it, and its content."""
    # As it was sent: in UTF-8, whatever the header of a mail may have.
    said = next((str(value) for name, value in part.raw_items() if name.lower() == "content-disposition"), "")
    said = said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    value = part.get_payload(decode=True)
    field, file = _NAME.search(said), _FILE.search(said)
    short = forms.cleaned(file[1])[:LONGEST_NAME] if file else None
    return field[1] if field else None, short, value if isinstance(value, bytes) else b""
