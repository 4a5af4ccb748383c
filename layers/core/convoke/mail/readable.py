"""The mail for a message as its recipient reads it: what is shown before anything is sent."""

from __future__ import annotations

from datetime import datetime

from ..decision.calendar_state import Message
from ..model import Method, frozen
from . import header_fields, wording
from .header_fields import Field
from .wording import Wording


@frozen
class ReadableMail:
    """``subject`` as it stands in a list of mails, and ``text``, the plain text. The placeholder of the personal link
    (``placeholders.PERSONAL``) has a line of its own there.
    """

    subject: str
    text: str


def mail(message: Message, now: datetime) -> ReadableMail:
    """The mail that ``message`` would be at ``now`` (UTC): the subject and the text of ``invitation_mail.rendered``."""
    worded = wording.words(message, now)
    return ReadableMail(subject=header_fields.read(subject(message, worded)), text=wording.text(worded))


def subject(message: Message, worded: Wording) -> Field:
    """The field Subject of the mail for ``message``, with the text of ``worded``."""
    return header_fields.subject(worded.subject, instead=_plainest(message))


def _plainest(message: Message) -> str:
    """A subject of ASCII text that always reads back: the kind of message, and the day."""
    day = message.when.start if message.date is None else message.date
    return f"{'Cancelled' if message.method is Method.CANCEL else 'Invitation'}: {day:%Y-%m-%d}"
