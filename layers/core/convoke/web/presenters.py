"""Builds the response models from stored data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ..decision.attention import Attention, SentKind, present_time
from ..decision.decide import Snapshot, answered, decide, participation
from ..decision.fan_out import FanOut
from ..decision.invitation import Seats, StoredMessage
from ..decision.messages import uid
from ..decision.shown import Entry, Showing
from ..delivery.attempts import leased
from ..delivery.fan_out import progress
from ..links.urls import Urls
from ..model import (
    AccountSettings,
    DeliveryState,
    Event,
    EventStatus,
    LocalTime,
    Occurrence,
    ReceivedReply,
    RegistrationStatus,
    Sender,
    When,
    language_of,
)
from ..schedule import series, series_changes
from ..store.keys import instant
from ..webhooks.contents import event_fields
from ..webhooks.events import Delivery, WebhookEvent
from . import responses


def event(
    event: Event,
    seats: Seats,
    dropped: tuple[LocalTime, ...] = (),
    missed: tuple[tuple[Attention, ...], int] | None = None,
    fan_out: FanOut | None = None,
    now: datetime | None = None,
    *,
    urls: Urls,
) -> responses.EventOut:
    """``urls`` are the addresses of pages; ``missed`` are the first who need attention, and how many
    there are in all; ``dropped`` are the changed dates that the event lost with its rule; ``fan_out`` is that of the
    change that is being announced, or waits at ``now`` (UTC).
    """
    waits = fan_out is not None and now is not None and fan_out.waits(now)
    return responses.EventOut.from_stored(
        event,
        **event_fields(event),
        page=urls.event(event.event_id) if event.public else None,
        registered=seats.taken - seats.held,
        held=seats.held,
        waiting=seats.waiting,
        pending=seats.pending,
        dropped=[date.isoformat() for date in dropped],
        attention=None if missed is None else [attention(each, event) for each in missed[0]],
        attention_count=None if missed is None else missed[1],
        next_date=None if now is None else next_date(event, now),
        telling=None if fan_out is None or waits else telling(fan_out),
        told_at=fan_out.told_at if fan_out is not None and waits else None,
    )


def telling(fan_out: FanOut) -> responses.TellingOut:
    told, of = progress(fan_out)
    return responses.TellingOut(told=told, of=of)


def next_date(event: Event, now: datetime) -> responses.NextDateOut | None:
    """The first date that takes place and is not over at ``now`` (UTC)."""
    if event.status is EventStatus.CANCELLED or not series.coming(event, now):
        return None
    return responses.NextDateOut.from_stored(series.when_next(event, now))


def account(account: str, decided: AccountSettings, urls: Urls) -> responses.AccountOut:
    return responses.AccountOut.from_stored(
        decided, account=account, logo=urls.asset(decided.logo) if decided.logo else None
    )


def attention(one: Attention, event: Event) -> responses.AttentionOut:
    when = present_time(event, one.date)
    return responses.AttentionOut.from_stored(one, start=when and when.start)


def times(when: When | None) -> dict[str, Any]:
    """The fields of when something takes place; ``None``: it is not known."""
    return {name: when and getattr(when, name) for name in ("start", "end", "time_zone")}


def occurrence(one: Occurrence, event: Event, now: datetime) -> responses.OccurrenceOut:
    return responses.OccurrenceOut.from_stored(
        one,
        occurrence=one.date,
        **times(one.when),
        status="cancelled" if one.cancelled or event.status is EventStatus.CANCELLED else "confirmed",
        over=one.when.ends_at <= now,
        reason=one.reason or (event.reason if event.status is EventStatus.CANCELLED else ""),
    )


def skipped(date: datetime, event: Event, now: datetime) -> responses.OccurrenceOut:
    """A date of the rule that does not take place, since its local time does not exist (RFC 5545, 3.3.10)."""
    when = series.when_at(event.schedule, date)
    plain = Occurrence(date=date, when=when, title=event.title, location=event.location, description=event.description)
    return occurrence(plain, event, now).model_copy(update={"status": "skipped"})


def registration(seen: Snapshot, sender: Sender, now: datetime) -> responses.RegistrationOut:
    person, invitation = seen.registration, seen.invitation
    sent = invitation.acknowledged
    known: dict[str, Any] = {"name": person.name, "email": person.email, "language": language_of(seen.event, person)}
    if person.status is RegistrationStatus.ERASED:
        known = dict.fromkeys(known)
    latest, delivery_state = sent or invitation.unacknowledged, state(seen, sender, now)
    valid = answered(person, invitation)
    return responses.RegistrationOut.from_stored(
        person,
        **known,
        occurrences=_dates(seen),
        responses=dict(person.responses),
        external_id=person.external_id or None,
        metadata=dict(person.metadata),
        participation=participation(person, invitation),
        answered_at=valid and valid.dtstamp,
        invitation=responses.InvitationOut(
            uid=latest.calendar_state.uid
            if latest
            else uid(person.event_id, person.registration_id, invitation.generation, sender.domain),
            method=sent.calendar_state.method if sent else None,
            sequence=sent.calendar_state.sequence if sent else None,
            state=delivery_state,
            reason=invitation.reason or None if delivery_state is DeliveryState.FAILED else None,
            tried_anew=delivery_state is DeliveryState.PENDING and invitation.tried_anew,
            sent_at=instant(sent.at) if sent else None,
        ),
    )


def _dates(seen: Snapshot) -> list[str] | None:
    chosen = seen.registration.occurrences
    if chosen is None:
        return None
    return [date.isoformat() for date in series_changes.named(seen.event, chosen, seen.registration.named).values()]


def state(seen: Snapshot, sender: Sender, now: datetime) -> DeliveryState:
    """The delivery state of the latest message; ``pending`` as soon as the data call for another one, even where no
    worker has looked yet.
    """
    invitation = seen.invitation
    if invitation.doubt and not leased(invitation.lease_until, now) and invitation.state is not DeliveryState.FAILED:
        return DeliveryState.UNKNOWN
    if decide(seen, sender, now) is not None:
        return DeliveryState.PENDING
    return invitation.state


def message(stored: StoredMessage, kind: SentKind) -> responses.MessageOut:
    """``kind`` is what it announces (``kind_of_sent``)."""
    calendar_state = stored.calendar_state
    return responses.MessageOut.from_stored(
        calendar_state,
        uid=calendar_state.entry_uid,
        kind=kind,
        to=calendar_state.recipient or None,
        state=stored.state,
        reason=stored.reason or None,
        created_at=stored.written_at,
        sent_at=stored.sent_at,
    )


def calendar_entry(one: Entry) -> responses.EntryOut:
    delivery = "delivered" if one.delivered else "accepted"
    return responses.EntryOut.from_stored(
        one, **times(one.when), delivery=None if one.state is Showing.UNKNOWN else delivery
    )


def received(one: ReceivedReply, seen: Snapshot) -> responses.AnswerOut:
    """One reply that was received from the person of ``seen``."""
    counts = one.reply == answered(seen.registration, seen.invitation, one.reply.date)
    return responses.AnswerOut.from_stored(one.reply, channel=one.channel, at=one.at, counts=counts)


def change(event: WebhookEvent) -> responses.ChangeOut:
    return responses.ChangeOut.from_stored(event, id=event.webhook_event_id)


def delivery(delivery: Delivery) -> responses.DeliveryOut:
    return responses.DeliveryOut.from_stored(delivery, id=delivery.webhook_event_id, status=delivery.status or None)
