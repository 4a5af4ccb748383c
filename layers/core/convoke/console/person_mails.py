"""A mail to one person as it was sent: its head and its parts as text, and the file itself.

No part of a mail is shown as HTML, and none is loaded: whatever an organizer or an attendee typed stands in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from ..mail import header_fields
from ..model import frozen
from ..pages import site
from . import person
from .person import PERSON, Seen
from .previewing import around_link
from .visit import Visit, page

MAIL = f"{PERSON}/messages/{{sequence}}/mail"
HEADERS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID")
"""What of the head is shown."""


@frozen
class Part:
    """One part of a mail: ``kind`` is ``text``, ``page`` (HTML), ``calendar`` or ``other``; ``text`` is what stands
    there, and ``after`` what follows the place of the personal link, if it has one.
    """

    kind: str
    media_type: str
    text: str
    after: str | None = None


@page("GET", "/console/events/{event_id}/people/{registration_id}/mails/{sequence}")
def show(visit: Visit, event_id: str, registration_id: str, sequence: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    read = message_from_bytes(_mail(visit, seen, sequence), policy=compat32)
    return seen.show(
        visit,
        "person_mail.html",
        sequence=sequence,
        head=[(name, _decoded(str(value))) for name in HEADERS if (value := read.get(name)) is not None],
        parts=list(parts(read)),
    )


@page("GET", "/console/events/{event_id}/people/{registration_id}/mails/{sequence}.eml")
def download(visit: Visit, event_id: str, registration_id: str, sequence: str) -> site.Answer:
    seen = person.read(visit, event_id, registration_id)
    headers = {"Content-Disposition": f'attachment; filename="mail-{registration_id}-{sequence}.eml"'}
    return site.content(_mail(visit, seen, sequence), "message/rfc822", headers=headers)


def _mail(visit: Visit, seen: Seen, sequence: str) -> bytes:
    """The bytes. Raises ``site.Refused`` (404) where there is no such mail, or it was erased."""
    mail: bytes = visit.api.read(MAIL, {**seen.at, "sequence": sequence})
    return mail


def _decoded(value: str) -> str:
    """A value of the head as it is read; one with encoded words that we do not write as it stands there."""
    unfolded = " ".join(value.split())
    try:
        return header_fields.text_of(unfolded)
    except ValueError:
        return unfolded


def parts(mail: Message) -> Iterator[Part]:
    """What a mail is made of, in its order."""
    for one in mail.walk():
        if one.is_multipart():
            continue
        media_type = one.get_content_type()
        kind = {"text/plain": "text", "text/html": "page", "text/calendar": "calendar"}.get(media_type, "other")
        if kind == "other":
            yield Part(kind=kind, media_type=media_type, text=one.get_filename() or "")
            continue
        text = _text(one)
        before, after = around_link(text) if kind == "text" else (text, "")
        yield Part(kind=kind, media_type=media_type, text=before, after=after or None)


def _text(part: Message) -> str:
    """The text of a part, with a replacement for what is none in its character set."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    try:
        text = content.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")
