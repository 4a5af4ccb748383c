"""Builds the mail of a notification. Its text always says who sent it, and whose words it quotes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from ..calendar import itip
from ..calendar.content_lines import address, one_line
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
from . import asked_for_mail, header_fields, invitation_mail, mime_parts
from .asked_for_mail import Said
from .date_text import in_words
from .notifications import Notification, NotificationKind
from .wording import in_full


def rendered(
    notification: Notification, sender: Sender, people: Mapping[str, Person], said: Said | None = None
) -> RenderedMail:
    """The MIME mail of ``notification``: the same arguments give the same bytes.

    ``people`` are those whom a summary lists, by their registration ids; those who are missing there are left out.
    ``said`` is there for the kinds that were asked for on a page.
    Raises :class:`RenderError` if the mail, parsed again, does not have the recipient and the content that were
    intended.
    """
    to_organizer = notification.kind in (NotificationKind.FORWARD, NotificationKind.REMARK, NotificationKind.SUMMARY)
    writer = Person(name="Convoke" if to_organizer else notification.organizer.name, email=sender.address)
    reply_to = (
        notification.author
        if notification.author is not None and _is_valid(notification.author)
        else notification.organizer
    )
    written_text, calendar = text(notification, people, said), b""
    body = mime_parts.text("plain", written_text)
    if notification.counter is not None:
        calendar = itip.declined(
            uid=notification.counter.uid,
            sequence=notification.counter.sequence,
            dtstamp=notification.written_at,
            organizer=writer,
            date=None
            if notification.counter.date is None
            else _recurrence_id(notification.counter.date, notification.when.time_zone),
            comment=f"The time proposed for “{one_line(notification.title)}” was declined.",
        )
        parts = (body, mime_parts.calendar(mime_parts.base64_lines(calendar), itip.DECLINE_COUNTER))
        boundary = mime_parts.boundary(mime_parts.digest(notification.notification_id), 0)
        body = mime_parts.multipart("alternative", boundary, parts)
    who = {"From": writer, "To": notification.recipient, "Reply-To": reply_to}
    fields = (
        *(invitation_mail.mailbox(name, person) for name, person in who.items()),
        invitation_mail.subject(subject(notification, said), instead=_PLAINEST[_kind(notification, said)]),
        header_fields.token("Date", format_datetime(notification.written_at)),
        header_fields.token("Message-ID", f"<{notification.notification_id}.note@{sender.domain}>"),
        *invitation_mail.BY_A_MACHINE,
    )
    written = invitation_mail.joined(fields, body)
    invitation_mail.compare(written, fields, who)
    _compare(written, written_text, calendar)
    return RenderedMail(calendar=calendar, mail=written, plainer=invitation_mail.plainer(fields))


def _compare(written: bytes, text: str, calendar: bytes) -> None:
    """Raise :class:`RenderError` unless ``written`` has exactly this text and, if not empty, this calendar."""
    kinds = ("multipart/alternative", "text/plain", "text/calendar") if calendar else ("text/plain",)
    parts = mime_parts.parts(written, kinds)
    if mime_parts.held(parts[-2 if calendar else -1]).replace(b"\r\n", b"\n") != text.encode():
        raise RenderError("the text does not read back as it was meant")
    if calendar and mime_parts.held(parts[-1]) != calendar:
        raise RenderError("the calendar does not read back as it was meant")


def _is_valid(person: Person) -> bool:
    """Whether the address can be written in a mail. One that was taken from a received mail may be invalid."""
    try:
        return bool(address(person.email))
    except RenderError:
        return False


def _recurrence_id(date: LocalTime, zone: str | None) -> LocalTime:
    """RECURRENCE-ID of the occurrence ``date``: a whole day, or its instant in UTC."""
    return When(start=date, end=date, time_zone=zone).starts_at if isinstance(date, datetime) else date


# --- its text -----------------------------------------------------------------------------------------------------


_PLAINEST = {
    NotificationKind.FORWARD: "A mail about an event",
    NotificationKind.REMARK: "An answer about an event",
    NotificationKind.SUMMARY: "People were not reached",
    NotificationKind.DECLINE_COUNTER: "Proposal declined",
    NotificationKind.NO_SEAT: "No seat left",
    **asked_for_mail.PLAINEST,
}
"""Subjects of ASCII text that always read back."""


def _kind(notification: Notification, said: Said | None) -> NotificationKind:
    return notification.kind if said is None else said.kind


def subject(notification: Notification, said: Said | None = None) -> str:
    """The subject, with the event's title. ``said`` is as in :func:`rendered`."""
    if said is not None:
        return asked_for_mail.subject(notification, said)
    title = one_line(notification.title)
    match notification.kind:
        case NotificationKind.FORWARD:
            return f"A mail about: {title}"
        case NotificationKind.REMARK:
            return f"An answer about: {title}"
        case NotificationKind.SUMMARY:
            count = len(notification.missed) + notification.more
            return f"{count} {'person was' if count == 1 else 'people were'} not reached: {title}"
        case NotificationKind.DECLINE_COUNTER:
            return f"Proposal declined: {title}"
        case NotificationKind.NO_SEAT:
            return f"No seat left: {title}"
        case _:
            raise RenderError(f"a notification of the kind {notification.kind} needs a link")


def text(notification: Notification, people: Mapping[str, Person], said: Said | None = None) -> str:
    """The plain text, with a line break at the end. ``people`` and ``said`` are as in :func:`rendered`."""
    if said is not None:
        return asked_for_mail.text(notification, said)
    match notification.kind:
        case NotificationKind.FORWARD:
            parts = _forwarded(notification)
        case NotificationKind.REMARK:
            parts = _remarked(notification)
        case NotificationKind.SUMMARY:
            parts = _summed_up(notification, people)
        case NotificationKind.DECLINE_COUNTER:
            parts = _declined(notification)
        case NotificationKind.NO_SEAT:
            parts = _no_seat(notification)
        case _:
            raise RenderError(f"a notification of the kind {notification.kind} needs a link")
    return "\n\n".join(part for part in (*parts, _why(notification)) if part) + "\n"


def _why(notification: Notification) -> str:
    """Why the recipient gets this mail. Empty for NO_SEAT, whose recipient is not registered: its text says why itself.

    The recipient's address is not mentioned: beside a Reply-To at a provider of free mail, another such address in the
    text counts as a sign of spam.
    """
    title = one_line(notification.title)
    match notification.kind:
        case NotificationKind.FORWARD | NotificationKind.REMARK | NotificationKind.SUMMARY:
            return f"You get this mail because you organize “{title}”."
        case NotificationKind.DECLINE_COUNTER:
            organizer = in_full(notification.organizer)
            return f"You get this mail because you are registered for “{title}”, organized by {organizer}."
        case _:
            return ""


def _quoted(notification: Notification) -> str:
    return "\n".join(f"> {line}".rstrip() for line in notification.quoted.split("\n")) if notification.quoted else ""


def _remarked(notification: Notification) -> tuple[str, ...]:
    author, title = in_full(notification.author or notification.organizer), one_line(notification.title)
    if notification.answered is Participation.DELEGATED:
        statement = (
            f"The calendar of {author} says that they have handed the invitation to “{title}” on to somebody else. "
            "They keep their place: whoever comes instead is not registered by that."
        )
    else:
        statement = f"{author} has answered the invitation to “{title}”: {notification.answered}. With it they wrote:"
    return statement, _quoted(notification), f"If you answer this mail, your answer goes to {author}."


def _forwarded(notification: Notification) -> tuple[str, ...]:
    author = in_full(notification.author or notification.organizer)
    return (
        f"A mail about “{one_line(notification.title)}” came to the address that its invitations come from. It says "
        f"that it is from {author}. It is no answer that a calendar gives, so nothing was done about it; it is passed "
        "on to you, this once.",
        f"Subject: {one_line(notification.subject)}" if one_line(notification.subject) else "",
        _quoted(notification),
        f"If you answer this mail, your answer goes to {author}.",
    )


def _no_seat(notification: Notification) -> tuple[str, ...]:
    return (
        f"You accepted “{one_line(notification.title)}”, {in_words(notification.when)}. You had declined it before, so "
        "your seat was given away, and there is none left: you are not registered. You are on the waitlist: if a "
        "seat becomes free for you, you are sent a new invitation.",
        f"If you have questions, answer this mail: it goes to {in_full(notification.organizer)}.",
    )


def _declined(notification: Notification) -> tuple[str, ...]:
    counter = notification.counter
    proposed = f": {in_words(counter.proposed)}" if counter is not None and counter.proposed is not None else ""
    stands = f"It stays as it is, {in_words(notification.when)}." if counter is None or counter.date is None else ""
    organizer, title = in_full(notification.organizer), one_line(notification.title)
    return (
        f"{organizer} has declined the time that you proposed for “{title}”{proposed}.",
        stands or "The date stays as it is.",
        "Your answer to the invitation still counts. If you have questions, answer this mail.",
    )


_KIND_TEXTS = {
    AttentionKind.CANCELLATION: "of the cancellation",
    AttentionKind.MOVE: "of the new time or place",
    AttentionKind.CHANGE: "of a change",
    AttentionKind.INVITATION: "of the invitation",
}
_REASON_TEXTS = {
    AttentionReason.PENDING: "the mail has not left yet",
    AttentionReason.UNDELIVERED: "nobody has seen the mail arrive",
    AttentionReason.BOUNCED: "the mail came back",
    AttentionReason.COMPLAINED: "they marked the mail as spam, and are not mailed again",
    AttentionReason.SUPPRESSED: "the address is on SES's suppression list",
    AttentionReason.FAILED: "the mail was given up",
}


def _summed_up(notification: Notification, people: Mapping[str, Person]) -> tuple[str, ...]:
    rows = [
        f"- {in_full(people[one.registration_id])} may not know {_KIND_TEXTS[one.kind]}: {_REASON_TEXTS[one.state]}"
        for one in notification.missed
        if one.registration_id in people
    ]
    if notification.more:
        rows.append(f"- and {notification.more} more")
    return (
        f"Not everybody was reached about “{one_line(notification.title)}”, {in_words(notification.when)}:",
        "\n".join(rows),
        "Please tell them by other means. The API shows who is still not reached, as the event's attention.",
    )
