"""Where the personal links of an attendee stand in a mail, and how they are put in when it is sent.

A rendered mail is stored, and shown to whoever has an API key for its event. Whoever has a personal link can change the
registration. So what is rendered has placeholders, of which nobody can do anything, and each sending puts the links in.

What an organizer or an attendee typed cannot become a placeholder. In the text and the page it is written with
underscores as escapes (``=5F``): quoted-printable allows that (RFC 2045, section 6.7 (1)), and what is typed is never
written so (``mime_parts.quoted``). In the header it is whole fields, and what is typed never begins a line there.
"""

from __future__ import annotations

import re

from ..model import RenderError

PERSONAL = "_your_personal_link_"
"""How the placeholder in the text and in the page reads."""
WRITTEN = PERSONAL.replace("_", "=5F").encode()
"""How it is written there."""
WITHDRAW = "_your_link_to_withdraw_"
"""How the placeholder in the header reads."""
# RFC 8058, section 3.1. The second is what a program sends in its POST.
_UNSUBSCRIBE, _POST = "List-Unsubscribe", ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
FIELDS = ((_UNSUBSCRIBE, f"<{WITHDRAW}>"), _POST)
"""The header fields with their placeholder: names and values."""
OF_A_MAIL = 2
"""How often the placeholder stands in the body of a mail: in the text and in the page."""

_LINE = 75  # octets of a line of quoted-printable, without the "=" at its end
_URL = re.compile(r"https?://[A-Za-z0-9:/._~-]+")  # needs no escape in quoted-printable, in HTML, or in a header


def _fields(value: str) -> bytes:
    """The header fields with the link ``value``, in the middle of a header."""
    named = ((_UNSUBSCRIBE, f"<{value}>"), _POST)
    return b"\r\n" + "".join([f"{name}: {content}\r\n" for name, content in named]).encode()


_FIELDS = _fields(WITHDRAW)


def counted(mail: bytes) -> tuple[int, int]:
    """How many placeholders are in the header of ``mail``, and how many in its body."""
    head, blank, body = mail.partition(b"\r\n\r\n")
    return (head + blank).count(_FIELDS), body.count(WRITTEN)


def filled(mail: bytes, *, personal: str, withdraw: str | None) -> bytes:
    """``mail`` with the URL ``personal`` in its text and page, and ``withdraw`` in its header: with ``None`` it has no
    List-Unsubscribe. A mail without placeholders is returned as it is.

    The URL in the header is never folded, since some programs keep the white space inside; a line may have 998 octets.
    Raises :class:`RenderError` for what is no URL, or one of which a part needs an escape.
    """
    for url in (personal, withdraw):
        if url is not None and not _URL.fullmatch(url):
            raise RenderError("a personal link cannot be written")
    head, blank, body = mail.partition(b"\r\n\r\n")
    head = (head + blank).replace(_FIELDS, b"\r\n" if withdraw is None else _fields(withdraw))
    broken = "=\r\n".join([personal[at : at + _LINE] for at in range(0, len(personal), _LINE)])
    return head + body.replace(WRITTEN, broken.encode())
