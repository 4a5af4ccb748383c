"""Builds the response models from stored data: dates as ISO 8601, instants as RFC 3339 in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ..decision.attention import Attention, SentKind, present_time
from ..decision.decide import Snapshot, answered, decide, participation
from ..decision.fan_out import FanOut
from ..decision.invitation import Seats, StoredMessage
from ..decision.messages import uid
from ..decision.shown import Entry, Showing
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
    language_of,
)
from ..schedule import series, series_changes
from ..store.keys import instant
from ..webhooks.contents import event_fields
from ..webhooks.events import Delivery, Webhook, WebhookEvent
from .responses import (
    AccountOut,
    AnswerOut,
    AttentionOut,
    ChangeOut,
    DeliveryOut,
    EntryOut,
    EventOut,
    InvitationOut,
    MessageOut,
    NextDateOut,
    OccurrenceOut,
    RegistrationOut,
    TellingOut,
    WebhookOut,
)


def event(
    event: Event,
    seats: Seats,
    dropped: tuple[LocalTime, ...] = (),
    missed: tuple[tuple[Attention, ...], int] | None = None,
    fan_out: FanOut | None = None,
    now: datetime | None = None,
    *,
    urls: Urls,
) -> EventOut:
    """``urls`` are the addresses of pages; ``missed`` are the first who need attention, and how many
    there are in all; ``dropped`` are the changed dates that the event lost with its rule; ``fan_out`` is that of the
    change that is being announced, or waits at ``now`` (UTC).
    """
    waits = fan_out is not None and now is not None and fan_out.waits(now)
    return EventOut(
        event_id=event.event_id,
        version=event.version,
        **event_fields(event),
        reason=event.reason,
        source=event.source,
        page=urls.event(event.event_id) if event.public else None,
        registered=seats.taken - seats.held,
        held=seats.held,
        waiting=seats.waiting,
        pending=seats.pending,
        dropped=[date.isoformat() for date in dropped],
        attention=None if missed is None else [attention(each, event) for each in missed[0]],
        attention_count=None if missed is None else missed[1],
        next_date=None if now is None else next_date(event, now),
        telling=None if fan_out is None or waits else telling(*progress(fan_out)),
        told_at=instant(fan_out.told_at) if fan_out is not None and fan_out.told_at is not None and waits else None,
        created_at=instant(event.created_at),
        updated_at=instant(event.updated_at),
    )


def next_date(event: Event, now: datetime) -> NextDateOut | None:
    """The first date that takes place and is not over at ``now`` (UTC)."""
    if event.status is EventStatus.CANCELLED or not series.coming(event, now):
        return None
    when = series.when_next(event, now)
    return NextDateOut(start=when.start.isoformat(), end=when.end.isoformat())


def account(account: str, decided: AccountSettings, urls: Urls) -> AccountOut:
    return AccountOut(
        account=account,
        name=decided.name,
        colour=decided.colour,
        logo=urls.asset(decided.logo) if decided.logo else None,
        imprint=decided.imprint,
        privacy=decided.privacy,
        notify_after=decided.notify_after,
        unconfirmed_mails=decided.unconfirmed_mails,
    )


def telling(told: int, of: int) -> TellingOut:
    return TellingOut(told=told, of=of)


def attention(one: Attention, event: Event) -> AttentionOut:
    when = present_time(event, one.date)
    return AttentionOut(
        registration_id=one.registration_id,
        kind=one.kind,
        state=one.state,
        since=instant(one.since),
        date=one.date.isoformat() if one.date else None,
        start=when.start.isoformat() if when else None,
        quarantine_id=one.quarantine_id,
    )


def occurrence(one: Occurrence, event: Event, now: datetime) -> OccurrenceOut:
    return OccurrenceOut(
        occurrence=one.date.isoformat(),
        start=one.when.start.isoformat(),
        end=one.when.end.isoformat(),
        time_zone=one.when.time_zone,
        title=one.title,
        location=one.location,
        description=one.description,
        status="cancelled" if one.cancelled or event.status is EventStatus.CANCELLED else "confirmed",
        cancelled=one.cancelled,
        moved=one.moved,
        over=one.when.ends_at <= now,
        reason=one.reason or (event.reason if event.status is EventStatus.CANCELLED else ""),
    )


def skipped(date: datetime, event: Event, now: datetime) -> OccurrenceOut:
    """A date of the rule that does not take place, since its local time does not exist (RFC 5545, 3.3.10)."""
    when = series.when_at(event.schedule, date)
    plain = Occurrence(date=date, when=when, title=event.title, location=event.location, description=event.description)
    return occurrence(plain, event, now).model_copy(update={"status": "skipped"})


def registration(seen: Snapshot, sender: Sender, now: datetime) -> RegistrationOut:
    person, invitation = seen.registration, seen.invitation
    sent = invitation.acknowledged
    known: dict[str, Any] = {"name": person.name, "email": person.email, "language": language_of(seen.event, person)}
    if person.status is RegistrationStatus.ERASED:
        known = dict.fromkeys(known)
    latest, delivery_state = sent or invitation.unacknowledged, state(seen, sender, now)
    return RegistrationOut(
        registration_id=person.registration_id,
        event_id=person.event_id,
        **known,
        occurrences=_dates(seen),
        guests=person.guests,
        responses=dict(person.responses),
        external_id=person.external_id or None,
        metadata=dict(person.metadata),
        source=person.source,
        status=person.status,
        participation=participation(person, invitation),
        answered_at=instant(valid.dtstamp) if (valid := answered(person, invitation)) else None,
        invitation=InvitationOut(
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
        created_at=instant(person.created_at),
        updated_at=instant(person.updated_at),
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
    is_claimed = invitation.lease_until is not None and invitation.lease_until > now
    if invitation.doubt and not is_claimed and invitation.state is not DeliveryState.FAILED:
        return DeliveryState.UNKNOWN
    if decide(seen, sender, now) is not None:
        return DeliveryState.PENDING
    return invitation.state


def message(stored: StoredMessage, kind: SentKind) -> MessageOut:
    """``kind`` is what it announces (``kind_of_sent``)."""
    calendar_state = stored.calendar_state
    return MessageOut(
        uid=calendar_state.entry_uid,
        kind=kind,
        date=calendar_state.date.isoformat() if calendar_state.date else None,
        to=calendar_state.recipient or None,
        method=calendar_state.method,
        sequence=calendar_state.sequence,
        dtstamp=instant(calendar_state.dtstamp),
        state=stored.state,
        reason=stored.reason or None,
        created_at=instant(stored.written_at),
        sent_at=instant(stored.sent_at) if stored.sent_at else None,
    )


def calendar_entry(one: Entry) -> EntryOut:
    when = one.when
    delivery: Literal["delivered", "accepted"] | None = "delivered" if one.delivered else "accepted"
    return EntryOut(
        uid=one.uid,
        date=one.date.isoformat() if one.date else None,
        title=one.title,
        start=when.start.isoformat() if when else None,
        end=when.end.isoformat() if when else None,
        time_zone=when.time_zone if when else None,
        location=one.location,
        state=one.state,
        sequence=one.sequence,
        sent_at=instant(one.sent_at) if one.sent_at else None,
        delivery=None if one.state is Showing.UNKNOWN else delivery,
        true=one.true,
        over=one.over,
    )


def received(one: ReceivedReply, seen: Snapshot) -> AnswerOut:
    """One reply that was received from the person of ``seen``."""
    reply = one.reply
    return AnswerOut(
        status=reply.status,
        channel=one.channel,
        sequence=reply.sequence,
        date=reply.date.isoformat() if reply.date else None,
        dtstamp=instant(reply.dtstamp),
        at=instant(one.at),
        counts=reply == answered(seen.registration, seen.invitation, reply.date),
    )


def webhook(webhook: Webhook) -> WebhookOut:
    return WebhookOut(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        events=list(webhook.events),
        payload=webhook.payload,
        created_at=instant(webhook.created_at),
    )


def change(event: WebhookEvent) -> ChangeOut:
    return ChangeOut(
        id=event.webhook_event_id, type=event.type, created_at=instant(event.created_at), data=dict(event.data)
    )


def delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.webhook_event_id,
        type=delivery.type,
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status or None,
        why=delivery.why,
        created_at=instant(delivery.created_at),
        tried_at=instant(delivery.tried_at) if delivery.tried_at else None,
        next_at=instant(delivery.next_at) if delivery.next_at else None,
    )
