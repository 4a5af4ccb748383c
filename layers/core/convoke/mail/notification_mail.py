"""How a note is written: its words, plain and always saying who says what, and the mail that carries them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from ..calendar import itip
from ..calendar.content_lines import one_line
from ..decision.attention import AttentionKind, AttentionReason
from ..decision.calendar_state import RenderedMail
from ..model import (
    LocalTime,
    Participation,
    Person,
    RenderError,
    Sender,
    When,
)
from . import header_fields, invitation_mail, mime_parts
from .date_text import in_words
from .notifications import Notification, NotificationKind
from .wording import in_full


def rendered(note: Notification, sender: Sender, people: Mapping[str, Person]) -> RenderedMail:
    """The MIME mail of ``note``, to the same bytes each time; ``people`` are those whom a summary names, by their ids.

    Raises :class:`RenderError` where what the mail, read back, says to whom is not what was meant.
    """
    to_organizer = note.kind in (NotificationKind.FORWARD, NotificationKind.REMARK, NotificationKind.SUMMARY)
    writer = Person(name="Convoke" if to_organizer else note.organizer.name, email=sender.address)
    reply_to = note.author if note.author is not None and _sayable(note.author) else note.organizer
    said, calendar = text(note, people), b""
    body = mime_parts.text("plain", said)
    if note.counter is not None:
        calendar = itip.declined(
            uid=note.counter.uid,
            sequence=note.counter.sequence,
            dtstamp=note.written_at,
            organizer=writer,
            date=None if note.counter.date is None else _instance(note.counter.date, note.when.time_zone),
            comment=f"The time proposed for “{one_line(note.title)}” was declined.",
        )
        parts = (body, mime_parts.calendar(calendar, itip.DECLINE_COUNTER))
        body = mime_parts.multipart("alternative", mime_parts.boundary(note.notification_id, 0), parts)
    who = {"From": writer, "To": note.recipient, "Reply-To": reply_to}
    fields = (
        *(invitation_mail.mailbox(name, person) for name, person in who.items()),
        invitation_mail.subject(subject(note), instead=_PLAINEST[note.kind]),
        header_fields.token("Date", format_datetime(note.written_at)),
        header_fields.token("Message-ID", f"<{note.notification_id}.note@{sender.domain}>"),
        *invitation_mail.BY_A_MACHINE,
    )
    written = invitation_mail.joined(fields, body)
    invitation_mail.compare(written, fields, who)
    _compare(written, said, calendar)
    return RenderedMail(calendar=calendar, mail=written, plainer=invitation_mail.plainer(fields))


def _compare(written: bytes, text: str, calendar: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` has this text and this calendar, and nothing else."""
    kinds = ("multipart/alternative", "text/plain", "text/calendar") if calendar else ("text/plain",)
    parts = mime_parts.parts(written, kinds)
    if mime_parts.held(parts[-2 if calendar else -1]).replace(b"\r\n", b"\n") != text.encode():
        raise RenderError("the text does not read back as it was meant")
    if calendar and mime_parts.held(parts[-1]) != calendar:
        raise RenderError("the calendar does not read back as it was meant")


def _sayable(person: Person) -> bool:
    """Whether mail can carry the address: what a stranger's mail claims need not."""
    try:
        return bool(itip.address(person.email))
    except RenderError:
        return False


def _instance(date: LocalTime, zone: str | None) -> LocalTime:
    """How one date of a series is named: a whole day, or its instant in UTC."""
    return When(start=date, end=date, time_zone=zone).starts_at if isinstance(date, datetime) else date


# --- its words ----------------------------------------------------------------------------------------------------


_PLAINEST = {
    NotificationKind.FORWARD: "A mail about an event",
    NotificationKind.REMARK: "An answer about an event",
    NotificationKind.SUMMARY: "People were not reached",
    NotificationKind.DECLINE_COUNTER: "Proposal declined",
    NotificationKind.NO_SEAT: "No seat left",
}
"""Subjects that nothing can break."""


def subject(note: Notification) -> str:
    title = one_line(note.title)
    match note.kind:
        case NotificationKind.FORWARD:
            return f"A mail about: {title}"
        case NotificationKind.REMARK:
            return f"An answer about: {title}"
        case NotificationKind.SUMMARY:
            count = len(note.missed) + note.more
            return f"{count} {'person was' if count == 1 else 'people were'} not reached: {title}"
        case NotificationKind.DECLINE_COUNTER:
            return f"Proposal declined: {title}"
        case NotificationKind.NO_SEAT:
            return f"No seat left: {title}"


def text(note: Notification, people: Mapping[str, Person]) -> str:
    match note.kind:
        case NotificationKind.FORWARD:
            parts = _forwarded(note)
        case NotificationKind.REMARK:
            parts = _remarked(note)
        case NotificationKind.SUMMARY:
            parts = _summed_up(note, people)
        case NotificationKind.DECLINE_COUNTER:
            parts = _declined(note)
        case NotificationKind.NO_SEAT:
            parts = _no_seat(note)
    return "\n\n".join(part for part in (*parts, _why(note)) if part) + "\n"


def _why(note: Notification) -> str:
    """Why its recipient gets it. Whoever was told that there is no seat is not registered: that mail says why itself.

    No address is named: beside a Reply-To at a provider of free mail another such address is a mark of spam.
    """
    title = one_line(note.title)
    match note.kind:
        case NotificationKind.FORWARD | NotificationKind.REMARK | NotificationKind.SUMMARY:
            return f"You get this mail because you organize “{title}”."
        case NotificationKind.DECLINE_COUNTER:
            return (
                f"You get this mail because you are registered for “{title}”, organized by {in_full(note.organizer)}."
            )
        case NotificationKind.NO_SEAT:
            return ""


def _quoted(note: Notification) -> str:
    return "\n".join(f"> {line}".rstrip() for line in note.quoted.split("\n")) if note.quoted else ""


def _remarked(note: Notification) -> tuple[str, ...]:
    author, title = in_full(note.author or note.organizer), one_line(note.title)
    if note.answered is Participation.DELEGATED:
        said = (
            f"The calendar of {author} says that they have handed the invitation to “{title}” on to somebody else. "
            "They keep their place: whoever comes instead is not registered by that."
        )
    else:
        said = f"{author} has answered the invitation to “{title}”: {note.answered}. With it they wrote:"
    return said, _quoted(note), f"If you answer this mail, your answer goes to {author}."


def _forwarded(note: Notification) -> tuple[str, ...]:
    author = in_full(note.author or note.organizer)
    return (
        f"A mail about “{one_line(note.title)}” came to the address that its invitations come from. It says that it is "
        f"from {author}. It is no answer that a calendar gives, so nothing was done about it; it is passed on to you, "
        "this once.",
        f"Subject: {one_line(note.subject)}" if one_line(note.subject) else "",
        _quoted(note),
        f"If you answer this mail, your answer goes to {author}.",
    )


def _no_seat(note: Notification) -> tuple[str, ...]:
    return (
        f"You accepted “{one_line(note.title)}”, {in_words(note.when)}. You had declined it before, so your seat was "
        "given away, and there is none left: you are not registered. You are in line: if a seat comes free for you, "
        "you are sent a new invitation.",
        f"If you have questions, answer this mail: it goes to {in_full(note.organizer)}.",
    )


def _declined(note: Notification) -> tuple[str, ...]:
    counter = note.counter
    proposed = f": {in_words(counter.proposed)}" if counter is not None and counter.proposed is not None else ""
    stands = f"It stays as it is, {in_words(note.when)}." if counter is None or counter.date is None else ""
    return (
        f"{in_full(note.organizer)} has declined the time that you proposed for “{one_line(note.title)}”{proposed}.",
        stands or "The date stays as it is.",
        "Your answer to the invitation still counts. If you have questions, answer this mail.",
    )


_CONCERNS = {
    AttentionKind.CANCELLATION: "of the cancellation",
    AttentionKind.MOVE: "of the new time or place",
    AttentionKind.CHANGE: "of a change",
    AttentionKind.INVITATION: "of the invitation",
}
_TROUBLES = {
    AttentionReason.PENDING: "the mail has not left yet",
    AttentionReason.UNDELIVERED: "nobody has seen the mail arrive",
    AttentionReason.BOUNCED: "the mail came back",
    AttentionReason.COMPLAINED: "they marked the mail as spam, and are not mailed again",
    AttentionReason.SUPPRESSED: "the address is on SES's suppression list",
    AttentionReason.FAILED: "the mail was given up",
}


def _summed_up(note: Notification, people: Mapping[str, Person]) -> tuple[str, ...]:
    rows = [
        f"- {in_full(people[one.registration_id])} may not know {_CONCERNS[one.kind]}: {_TROUBLES[one.state]}"
        for one in note.missed
        if one.registration_id in people
    ]
    if note.more:
        rows.append(f"- and {note.more} more")
    return (
        f"Not everybody was reached about “{one_line(note.title)}”, {in_words(note.when)}:",
        "\n".join(rows),
        "Please tell them by other means. The API shows who is still not reached, as the event's attention.",
    )
