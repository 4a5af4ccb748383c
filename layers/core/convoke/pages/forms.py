"""Forms: reading what was sent, and telling a form that one of our pages showed from whatever else is sent.

A form has two hidden fields. ``token`` is signed, and bound to the path that the form is sent to and to the time at
which it was shown. :data:`TRAP` has to stay empty: who does not see the page fills it in. Beside these, browsers say
whether a request comes from another site (Sec-Fetch-Site).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ..links import tokens
from ..model import frozen

if TYPE_CHECKING:
    from .site import Request

LARGEST_BODY = 128_000
"""Bytes of a form. The longest that somebody can fill in, with answers in a script of three bytes a character, and all
dates of the longest series, has a little more than half of it.
"""
MOST_FIELDS = 500
"""As many as the longest series has dates, and as an event has questions, and some."""
TRAP = "website"
"""The name of the field that nobody sees."""
VALID = timedelta(hours=12)
"""For how long a form may lie open before it is sent."""
MEDIA_TYPE = "application/x-www-form-urlencoded"
Errors = tuple[tuple[str, str], ...]
"""Names of fields, empty for the whole form, each with what is wrong."""
# A line feed and a tab may be in a text; no other control character is ever typed.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@frozen
class Form:
    """What was sent, by the names of the fields. Line ends are ``\\n``; control characters are left out."""

    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        """The first value of a field without white space around it; empty where it was not sent."""
        return self.fields.get(name, ("",))[0].strip()

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a field, such as those of check boxes."""
        return self.fields.get(name, ())


def read(request: Request) -> Form:
    """The form that was sent. Raises ``site.Refused`` (400, 413, 415) for what is none."""
    from . import site

    text, encoded = request.body
    if len(text) > LARGEST_BODY * 4 // 3 + 4:
        raise site.unreadable(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if text and said != MEDIA_TYPE:
        raise site.unreadable(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        body = base64.b64decode(text, validate=True).decode("ascii") if encoded else text
        if len(body.encode()) > LARGEST_BODY:  # raises ValueError for half of a surrogate pair, too
            raise site.unreadable(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except (ValueError, binascii.Error):
        raise site.unreadable(request) from None
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), cleaned(value))
    return Form(fields=fields)


def cleaned(value: str) -> str:
    """What was typed, with ``\\n`` at the ends of lines and without control characters."""
    return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def token(request: Request, path: str) -> str:
    """The token of a form that is sent to ``path``, as ``/r/…``, shown now."""
    shown = int(request.now.timestamp()).to_bytes(8, "big")
    return tokens.sealed(request.keys(), tokens.Purpose.FORM, shown, request.now + VALID, _bound(request, path))


def _bound(request: Request, path: str) -> str:
    """What a form is valid for: its path, and whoever is signed in."""
    return f"{path}\n{request.session}" if request.session else path


def objections(request: Request, form: Form, least: timedelta = timedelta(0)) -> Errors:
    """Why this form cannot be believed, for its page to show above it, with the fields as they were typed; empty where
    it can. ``least`` is how long a person needs at least to fill it in.
    """
    _ = request.texts.gettext
    if request.headers.get("sec-fetch-site", "").lower() == "cross-site":
        return (("", _("This came from another site. Please send it once more from here.")),)
    try:
        shown = tokens.opened(
            request.keys(),
            tokens.Purpose.FORM,
            form.text("token"),
            now=request.now,
            context=_bound(request, request.path),
        )
    except tokens.InvalidLink:
        return (("", _("This page was open for too long. Please send it once more.")),)
    at = datetime.fromtimestamp(int.from_bytes(shown, "big"), UTC)
    if form.text(TRAP) or request.now - at < least:
        return (("", _("This looked as if a program had filled it in. Please look at it, and send it once more.")),)
    return ()
