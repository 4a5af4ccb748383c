"""Builds the mail of a notification. Its text always says who sent it, and whose words it quotes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from .. import languages
from ..calendar import itip
from ..calendar.content_lines import address, one_line
from ..decision.attention import Attention, AttentionKind, AttentionReason
from ..decision.calendar_state import RenderedMail
from ..languages import Texts, gettext_noop
from ..model import LocalTime, Participation, Person, RenderError, Sender, When
from . import asked_for_mail, header_fields, invitation_mail, mime_parts
from .asked_for_mail import AskedForContent
from .notifications import TO_ORGANIZER, Notification, NotificationKind
from .wording import in_full


def rendered(
    notification: Notification,
    sender: Sender,
    people: Mapping[str, Person],
    content: AskedForContent | None = None,
    link: str = "",
) -> RenderedMail:
    """The MIME mail of ``notification``: the same arguments give the same bytes.

    ``people`` are those whom a summary lists, by their registration ids; those who are missing there are left out.
    ``content`` is given for the kinds that were asked for on a page. ``link`` is the URL of the personal page, made for
    this one sending: the mail is not kept. Raises :class:`RenderError` if the mail, parsed again, does not have the
    recipient and the content that were intended.
    """
    to_organizer = notification.kind in TO_ORGANIZER
    writer = Person(name="Convoke" if to_organizer else notification.organizer.name, email=sender.address)
    reply_to = (
        notification.author
        if notification.author is not None and _is_valid(notification.author)
        else notification.organizer
    )
    written_text, calendar = text(notification, people, content, link), b""
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
            comment=languages.texts_in(notification.language).gettext(
                "The time proposed for “%(title)s” was declined.", title=one_line(notification.title)
            ),
        )
        parts = (body, mime_parts.calendar(mime_parts.base64_lines(calendar), itip.DECLINE_COUNTER))
        boundary = mime_parts.boundary(mime_parts.digest(notification.notification_id), 0)
        body = mime_parts.multipart("alternative", boundary, parts)
    who = {"From": writer, "To": notification.recipient, "Reply-To": reply_to}
    if notification.kind is NotificationKind.SIGN_IN:
        del who["Reply-To"]  # nobody asked to be written to
    fields = (
        *(invitation_mail.mailbox(name, person) for name, person in who.items()),
        header_fields.subject(subject(notification, content), instead=_plainest(notification, content)),
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
    if mime_parts.decoded_body(parts[-2 if calendar else -1]).replace(b"\r\n", b"\n") != text.encode():
        raise RenderError("the text does not read back as it was meant")
    if calendar and mime_parts.decoded_body(parts[-1]) != calendar:
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


_SUBJECTS = {
    NotificationKind.FORWARD: gettext_noop("A mail about: %(title)s"),
    NotificationKind.REMARK: gettext_noop("An answer about: %(title)s"),
    NotificationKind.DECLINE_COUNTER: gettext_noop("Proposal declined: %(title)s"),
    NotificationKind.NO_SEAT: gettext_noop("No seat left: %(title)s"),
    NotificationKind.ACCEPTED: gettext_noop("Your registration was accepted: %(title)s"),
    NotificationKind.TURNED_DOWN: gettext_noop("Your registration was not accepted: %(title)s"),
}
_WITHOUT_TITLE = {
    NotificationKind.FORWARD: "A mail about an event",
    NotificationKind.REMARK: "An answer about an event",
    NotificationKind.SUMMARY: "People were not reached",
    NotificationKind.REQUESTS: "People wait for your decision",
}


def _plainest(notification: Notification, content: AskedForContent | None) -> str:
    """A subject of ASCII text that always reads back: the English one without the title."""
    kind = notification.kind if content is None else content.kind
    return _WITHOUT_TITLE.get(kind) or (_SUBJECTS | asked_for_mail.SUBJECTS)[kind].partition(":")[0]


def subject(notification: Notification, content: AskedForContent | None = None) -> str:
    """The subject, with the event's title. ``content`` is as in :func:`rendered`."""
    if content is not None:
        return asked_for_mail.subject(notification, content)
    texts = languages.texts_in(notification.language)
    title = texts.isolated(one_line(notification.title))
    match notification.kind:
        case NotificationKind.SUMMARY:
            count = len(notification.missed) + notification.more
            return texts.ngettext(
                "%(num)s person was not reached: %(title)s",
                "%(num)s people were not reached: %(title)s",
                count,
                num=count,
                title=title,
            )
        case NotificationKind.REQUESTS:
            return texts.ngettext(
                "%(num)s person waits for your decision: %(title)s",
                "%(num)s people wait for your decision: %(title)s",
                notification.more,
                num=notification.more,
                title=title,
            )
        case kind if kind in _SUBJECTS:
            return texts.gettext(_SUBJECTS[kind], title=title)
        case _:
            raise RenderError(f"a notification of the kind {notification.kind} needs a link")


def text(
    notification: Notification, people: Mapping[str, Person], content: AskedForContent | None = None, link: str = ""
) -> str:
    """The plain text, with a line break at the end. ``people``, ``content`` and ``link`` are as in :func:`rendered`."""
    if content is not None:
        return asked_for_mail.text(notification, content)
    texts = languages.texts_in(notification.language)
    what = asked_for_mail.about(notification, texts)
    match notification.kind:
        case NotificationKind.FORWARD:
            parts = _forwarded(notification, texts, what)
        case NotificationKind.REMARK:
            parts = _remarked(notification, texts, what)
        case NotificationKind.SUMMARY:
            parts = _summed_up(notification, texts, what, people)
        case NotificationKind.DECLINE_COUNTER:
            parts = _declined(notification, texts, what)
        case NotificationKind.NO_SEAT:
            parts = _no_seat(texts, what)
        case NotificationKind.REQUESTS:
            parts = _requests(notification, texts, what)
        case NotificationKind.ACCEPTED | NotificationKind.TURNED_DOWN:
            parts = _decided(notification, texts, what)
        case _:
            raise RenderError(f"a notification of the kind {notification.kind} needs a link")
    page = texts.gettext("See or change your registration:") + f"\n{link}" if link else ""
    return "\n\n".join(part for part in (*parts, page, _why(notification, texts, what)) if part) + "\n"


def _person(person: Person, texts: Texts) -> str:
    return texts.isolated(in_full(person))


def _why(notification: Notification, texts: Texts, what: dict[str, str]) -> str:
    """Why the recipient gets this mail. Empty where its text says why itself: for NO_SEAT, and for decisions about who
    comes.

    The recipient's address is not mentioned: beside a Reply-To at a provider of free mail, another such address in the
    text counts as a sign of spam.
    """
    if notification.kind in TO_ORGANIZER:
        return texts.gettext("You get this mail because you organize “%(title)s”.", **what)
    if notification.kind is NotificationKind.DECLINE_COUNTER:
        return texts.gettext(
            "You get this mail because you are registered for “%(title)s”, organized by %(organizer)s.", **what
        )
    return ""


def _quoted(notification: Notification) -> str:
    return "\n".join(f"> {line}".rstrip() for line in notification.quoted.split("\n")) if notification.quoted else ""


_ANSWERS = {
    Participation.NEEDS_ACTION: gettext_noop("no answer"),
    Participation.ACCEPTED: gettext_noop("accepted"),
    Participation.DECLINED: gettext_noop("declined"),
    Participation.TENTATIVE: gettext_noop("tentative"),
    Participation.DELEGATED: gettext_noop("delegated"),
}


def _remarked(notification: Notification, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    author = _person(notification.author or notification.organizer, texts)
    if notification.answered is Participation.DELEGATED:
        statement = texts.sentences(
            texts.gettext(
                "The calendar of %(person)s says that they have handed the invitation to “%(title)s” on to somebody "
                "else.",
                person=author,
                **what,
            ),
            texts.gettext("They keep their place: whoever comes instead is not registered by that."),
        )
    else:
        statement = texts.sentences(
            texts.gettext(
                "%(person)s has answered the invitation to “%(title)s”: %(answer)s.",
                person=author,
                **what,
                answer=texts.gettext(_ANSWERS[notification.answered or Participation.NEEDS_ACTION]),
            ),
            texts.gettext("With it they wrote:"),
        )
    return statement, _quoted(notification), _answer_goes_to(author, texts)


def _answer_goes_to(person: str, texts: Texts) -> str:
    return texts.gettext("If you answer this mail, your answer goes to %(person)s.", person=person)


def _forwarded(notification: Notification, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    author = _person(notification.author or notification.organizer, texts)
    subject = one_line(notification.subject)
    return (
        texts.sentences(
            texts.gettext("A mail about “%(title)s” came to the address that its invitations come from.", **what),
            texts.gettext("It says that it is from %(person)s.", person=author),
            texts.gettext(
                "It is no answer that a calendar gives, so nothing was done about it; it is passed on to you, this "
                "once."
            ),
        ),
        texts.gettext("Subject: %(subject)s", subject=texts.isolated(subject)) if subject else "",
        _quoted(notification),
        _answer_goes_to(author, texts),
    )


def _no_seat(texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    return (
        texts.sentences(
            texts.gettext("You accepted “%(title)s”, %(when)s.", **what),
            texts.gettext(
                "You had declined it before, so your seat was given away, and there is none left: you are not "
                "registered."
            ),
            texts.gettext("You are on the waitlist: if a seat becomes free for you, you are sent a new invitation."),
        ),
        texts.gettext(
            "If you have questions, answer this mail: it goes to %(person)s.",
            person=what["organizer"],
        ),
    )


def _requests(notification: Notification, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    return (
        texts.ngettext(
            "%(num)s person has asked to come to “%(title)s”, %(when)s, and waits for your decision.",
            "%(num)s people have asked to come to “%(title)s”, %(when)s, and wait for your decision.",
            notification.more,
            num=notification.more,
            **what,
        ),
        texts.gettext(
            "Nobody has a seat before you accept them. Of those who ask later, you are told at most once an hour."
        ),
    )


def _decided(notification: Notification, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    if notification.kind is NotificationKind.TURNED_DOWN:
        statement = texts.sentences(
            texts.gettext("%(organizer)s has not accepted your registration for “%(title)s”, %(when)s.", **what),
            texts.gettext("You are not registered."),
        )
    elif notification.waits:
        statement = texts.sentences(
            texts.gettext("%(organizer)s has accepted your registration for “%(title)s”, %(when)s.", **what),
            texts.gettext("You are on the waitlist: all seats are taken."),
            texts.gettext("As soon as a seat is free for you, an invitation is mailed to you."),
        )
    else:
        statement = texts.sentences(
            texts.gettext("%(organizer)s has accepted your registration for “%(title)s”, %(when)s.", **what),
            texts.gettext("The invitation comes in a mail of its own."),
        )
    wrote = texts.gettext("The organizer writes:") if notification.quoted else ""
    return statement, wrote, _quoted(notification), texts.gettext("If you have questions, answer this mail.")


def _declined(notification: Notification, texts: Texts, what: dict[str, str]) -> tuple[str, ...]:
    counter = notification.counter
    if counter is not None and counter.proposed is not None:
        declined = texts.gettext(
            "%(organizer)s has declined the time that you proposed for “%(title)s”: %(when)s.",
            **{**what, "when": texts.when(counter.proposed)},
        )
    else:
        declined = texts.gettext("%(organizer)s has declined the time that you proposed for “%(title)s”.", **what)
    if counter is None or counter.date is None:
        stays = texts.gettext("It stays as it is, %(when)s.", **what)
    else:
        stays = texts.gettext("The date stays as it is.")
    return (
        declined,
        stays,
        texts.sentences(
            texts.gettext("Your answer to the invitation still counts."),
            texts.gettext("If you have questions, answer this mail."),
        ),
    )


_MISSED = {
    AttentionKind.CANCELLATION: gettext_noop("%(person)s may not know of the cancellation: %(reason)s"),
    AttentionKind.MOVE: gettext_noop("%(person)s may not know of the new time or place: %(reason)s"),
    AttentionKind.CHANGE: gettext_noop("%(person)s may not know of a change: %(reason)s"),
    AttentionKind.INVITATION: gettext_noop("%(person)s may not know of the invitation: %(reason)s"),
}
_REASONS = {
    AttentionReason.PENDING: gettext_noop("the mail has not left yet"),
    AttentionReason.UNDELIVERED: gettext_noop("nobody has seen the mail arrive"),
    AttentionReason.BOUNCED: gettext_noop("the mail came back"),
    AttentionReason.COMPLAINED: gettext_noop("they marked the mail as spam, and are not mailed again"),
    AttentionReason.SUPPRESSED: gettext_noop("the address is on SES's suppression list"),
    AttentionReason.FAILED: gettext_noop("the mail was given up"),
}


def _missing(one: Attention, person: Person, texts: Texts) -> str:
    """Somebody who was not reached, with the date of a series that it is about."""
    name = _person(person, texts)
    return name if one.when is None else f"{name} ({texts.when_short(one.when)})"


def _summed_up(
    notification: Notification, texts: Texts, what: dict[str, str], people: Mapping[str, Person]
) -> tuple[str, ...]:
    rows = [
        texts.gettext(
            _MISSED[one.kind],
            person=_missing(one, people[one.registration_id], texts),
            reason=texts.gettext(_REASONS[one.state]),
        )
        for one in notification.missed
        if one.registration_id in people
    ]
    if notification.more:
        # For translators: the last line of a list of people
        rows.append(texts.ngettext("and %(num)s more", "and %(num)s more", notification.more, num=notification.more))
    return (
        texts.gettext("Not everybody was reached about “%(title)s”, %(when)s:", **what),
        "\n".join(f"- {row}" for row in rows),
        texts.sentences(
            texts.gettext("Please tell them by other means."),
            texts.gettext("The console shows who is still not reached, under “Attention” of the event."),
        ),
    )
