"""Makes the notifications of each kind, as they are stored until they are sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .. import languages
from ..calendar.content_lines import one_line
from ..decision.attention import Attention, present_time
from ..decision.invitation import WaitMail
from ..decision.waiting import to_come
from ..model import (
    Event,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    When,
)
from ..schedule import series
from .notifications import (
    LINK_WANTED_FOR,
    MAX_PEOPLE_LISTED,
    NO_EVENT,
    Counter,
    Notification,
    NotificationKind,
    name,
    quote,
)


def forward(
    event: Event, *, author: Person, subject: str, text: str, source: str, registration_id: str = "", now: datetime
) -> Notification:
    """Forward a mail that a person wrote to the organizer. ``source`` is the id of the mail, which is forwarded only
    once.
    """
    forwarded = _to_organizer(NotificationKind.FORWARD, event, now, event.event_id, source)
    return replace(
        forwarded, registration_id=registration_id, author=author, subject=one_line(subject)[:200], quoted=quote(text)
    )


def remark(
    event: Event, registration: Registration, *, answered: Participation, text: str, source: str, now: datetime
) -> Notification:
    """Forward to the organizer the comment of an answer, or that the attendee delegated the invitation. ``source`` is
    the id of the mail.
    """
    return replace(
        _to_organizer(NotificationKind.REMARK, event, now, registration.registration_id, source),
        registration_id=registration.registration_id,
        author=Person(name=registration.name, email=registration.email),
        quoted=quote(text),
        answered=answered,
    )


def no_seat(event: Event, registration: Registration, *, sequence: int, now: datetime) -> Notification:
    """Inform somebody who accepted again that no seat is left: once for each ``sequence`` that they accept."""
    return _to_attendee(NotificationKind.NO_SEAT, event, registration, str(sequence), now)


def decline_counter(
    event: Event, registration: Registration, *, counter: Counter, proposal_id: str, now: datetime
) -> Notification:
    """Inform an attendee that their proposal was declined."""
    declined = _to_attendee(NotificationKind.DECLINE_COUNTER, event, registration, proposal_id, now)
    # If it is about one occurrence, only the zone of `when` is used.
    return replace(declined, when=declined.when if counter.date is None else event.when, counter=counter)


def summary(event: Event, missed: tuple[Attention, ...], *, now: datetime) -> Notification:
    """Inform the organizer who was not reached. The same people with the same reasons are reported only once."""
    each = sorted(f"{one.registration_id} {one.kind} {one.state} {one.since.isoformat()}" for one in missed)
    return replace(
        _to_organizer(NotificationKind.SUMMARY, event, now, event.event_id, *each),
        missed=tuple(replace(one, when=present_time(event, one.date)) for one in missed[:MAX_PEOPLE_LISTED]),
        more=max(0, len(missed) - MAX_PEOPLE_LISTED),
    )


def requests(event: Event, *, told_at: datetime, now: datetime) -> Notification:
    """Inform the organizer that somebody waits for their decision: once for all who asked before ``told_at`` (UTC). How
    many do is read when it is sent.
    """
    waiting = _to_organizer(NotificationKind.REQUESTS, event, now, event.event_id, told_at.isoformat())
    return replace(waiting, written_at=told_at)


def accepted(event: Event, registration: Registration, *, word: str, now: datetime) -> Notification:
    """Inform somebody that the organizer has accepted their registration, as it is stored now."""
    # Who withdraws and asks again is decided about again: so the id has the time.
    decided = _to_attendee(NotificationKind.ACCEPTED, event, registration, now.isoformat(), now)
    return replace(decided, quoted=quote(word), waits=registration.status is RegistrationStatus.WAITLISTED)


def turned_down(event: Event, registration: Registration, *, word: str, now: datetime) -> Notification:
    """Inform somebody that the organizer has not accepted their registration."""
    decided = _to_attendee(NotificationKind.TURNED_DOWN, event, registration, now.isoformat(), now)
    return replace(decided, quoted=quote(word))


def _to_organizer(kind: NotificationKind, event: Event, now: datetime, *about: str) -> Notification:
    """A notification to the event's organizer, in the event's language. ``about`` names it among its kind."""
    return Notification(
        notification_id=name(kind, *about),
        kind=kind,
        event_id=event.event_id,
        recipient=event.organizer,
        organizer=event.organizer,
        title=event.title,
        language=languages.texts_in(event.language).tag,
        when=series.when_next(event, now),
        written_at=now,
    )


def _to_attendee(
    kind: NotificationKind, event: Event, registration: Registration, about: str, now: datetime
) -> Notification:
    return replace(
        _to_organizer(kind, event, now, registration.registration_id, about),
        registration_id=registration.registration_id,
        recipient=Person(name=registration.name, email=registration.email),
        language=languages.texts_in(registration.language, event.language).tag,
        when=their_next(event, registration, now),
    )


def their_next(event: Event, registration: Registration, now: datetime) -> When:
    """When the next date is, at ``now`` (UTC), of those that the registration is for; without one, of the event."""
    coming = (one.when for one in to_come(event, registration, now) if not one.cancelled)
    return next(coming, series.when_next(event, now))


def asked_for(
    kind: NotificationKind,
    event: Event,
    email: str,
    *,
    about: str,
    registration_id: str = "",
    language: str = "",
    until: datetime,
    now: datetime,
) -> Notification:
    """A mail of one of the kinds :data:`ASKED_FOR` to an address that somebody typed. ``about`` names it."""
    return replace(
        _to_organizer(kind, event, now, event.event_id, about),
        registration_id=registration_id,
        recipient=Person(name="", email=email),
        language=languages.texts_in(language, event.language).tag,
        until=until,
    )


def to_holder(
    kind: NotificationKind, event: Event, registration: Registration, *, about: str, now: datetime
) -> Notification:
    """A mail of one of the kinds :data:`ASKED_FOR` to the address of a registration."""
    mail = asked_for(
        kind,
        event,
        registration.email,
        about=about,
        registration_id=registration.registration_id,
        language=registration.language,
        until=now + LINK_WANTED_FOR,
        now=now,
    )
    return replace(mail, when=their_next(event, registration, now))


def sign_in(email: str, *, about: str, language: str, until: datetime, now: datetime) -> Notification:
    """A mail with a link to sign in, to an address that somebody typed. ``about`` names it; its link is valid, once,
    until an instant (UTC), which is also when it is not sent any more. Where a notification has an event it says whom
    it is to, and the time of its link.
    """
    recipient = Person(name="", email=email)
    return Notification(
        notification_id=name(NotificationKind.SIGN_IN, about),
        kind=NotificationKind.SIGN_IN,
        event_id=NO_EVENT,
        recipient=recipient,
        organizer=recipient,
        title="",
        when=When(start=now.replace(tzinfo=None), end=until.replace(tzinfo=None), time_zone="UTC"),
        language=languages.texts_in(language).tag,
        until=until,
        written_at=now,
    )


def wait_notification(event: Event, registration: Registration, mail: WaitMail, now: datetime) -> Notification:
    """The notification that says ``mail``, about what is not over at ``now`` (UTC) of what the registration is for."""
    waiting = to_holder(NotificationKind.WAITING, event, registration, about=registration.registration_id, now=now)
    # A date that the series lost may end after the event.
    until = max((series.ends_at(event), *(one.when.ends_at for one in to_come(event, registration, now))))
    waiting = replace(waiting, until=until)
    if mail is WaitMail.PLACE:
        return waiting
    return about_cancellation(replace(waiting, kind=NotificationKind.CANCELLED), event, registration, now)


def about_cancellation(
    notification: Notification, event: Event, registration: Registration, now: datetime
) -> Notification:
    """``notification`` with what is cancelled of what the registration is for, and the reason, if it is one for all."""
    if not event.status.expects_people:
        return replace(notification, quoted=one_line(event.reason))
    dates = [one for one in to_come(event, registration, now) if one.cancelled]
    reasons = {one.reason for one in dates}
    reason = reasons.pop() if len(reasons) == 1 else ""
    return replace(notification, dates=tuple(one.when for one in dates), quoted=one_line(reason))
