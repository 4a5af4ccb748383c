"""Applies an attendee's reply: to their registration, to the history of replies, and to their seat where the event
releases the seats of those who decline.

All of it is one transaction, so that a reply that arrives twice, late, or at two workers at once is applied once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..decision.attendance import Consequence, consequence, with_reply
from ..decision.decide import participation
from ..decision.invitation import Invitation
from ..mail.notifications import no_seat
from ..model import (
    AnswerChannel,
    Event,
    Participation,
    ReceivedReply,
    Registration,
    RegistrationStatus,
    Reply,
    frozen,
)
from ..schedule import series
from ..settings import Settings
from ..store import (
    answers,
    attention,
    dynamo,
    items,
    keys,
    notifications,
    outbox,
)
from ..store.reads import Reads
from ..store.writes import NOTHING_ELSE, ROUNDS, Action, attempt, update
from ..webhooks.events import WebhookEventType
from . import seats, waitlist
from .registry import STANDING, STILL_THE_VERSION_SEEN, Obstacle, unlock_action, wake_up_action


class Outcome(StrEnum):
    """The result of applying a reply."""

    STANDS = "stands"
    """It has the highest precedence, and is stored with the registration."""
    OLDER = "older"
    """One of higher precedence is stored; this one is in the history only."""
    KNOWN = "known"
    """It was applied before; nothing changed."""
    INACTIVE = "inactive"
    """There is no registration, or it was withdrawn or erased; nothing was stored."""


@frozen
class Applied:
    """The result of applying a reply: the ``registration`` as it is stored, and the participation ``before`` and
    ``now`` in what the reply is about: the whole event, or one occurrence.
    """

    outcome: Outcome
    consequence: Consequence = Consequence.NONE
    registration: Registration | None = None
    before: Participation = Participation.NEEDS_ACTION
    now: Participation = Participation.NEEDS_ACTION


def apply(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    reply: Reply,
    *,
    channel: AnswerChannel,
    now: datetime,
) -> Applied:
    """Apply ``reply``, which has been verified to be this attendee's own, and to a SEQUENCE that they were sent.

    ``channel`` is how it was given. Where it releases a seat, the first person on the waitlist gets it at once.
    Applying the same reply again, after an interruption, is harmless. Raises :class:`dynamo.Contention`.
    """
    reads = Reads(client, settings)
    place = RegistrationStatus.REGISTERED
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        event = reads.event(event_id)
        if person is None or invitation is None or event is None or person.status not in STANDING:
            return Applied(outcome=Outcome.INACTIVE, registration=person)
        kept = answers.stored_keys(client, settings, registration_id)
        changed = with_reply(person, reply)
        newest = changed != person
        effect = consequence(event, person, invitation, reply, now) if newest else Consequence.NONE
        changed = _with_status(changed, effect, place, now)
        applied = Applied(
            outcome=Outcome.STANDS if newest else Outcome.OLDER,
            consequence=effect,
            registration=changed,
            before=participation(person, invitation, reply.date),
            now=participation(changed, invitation, reply.date),
        )
        if not newest and keys.answer(registration_id, reply)["sk"] in kept:
            return replace(applied, outcome=Outcome.KNOWN, registration=person)
        received = ReceivedReply(reply=reply, channel=channel, at=now)
        history = answers.history_actions(settings, registration_id, received, kept, series.ends_at(event))
        if not newest and not history:
            return replace(applied, registration=person)
        actions = {
            "registration": _registration_action(settings, person, changed),
            **history,
            **_seat_actions(client, settings, person, changed, invitation, now),
            **_webhook_event_actions(client, settings, event, applied, reply, now),
        }
        if effect is Consequence.RETURN and changed.status is RegistrationStatus.WAITLISTED:
            notification = no_seat(event, person, sequence=reply.sequence, now=now)
            actions["notification"] = notifications.schedule_action(settings, notification, now)
        refused = attempt(client, actions)
        if not refused:
            if effect is Consequence.RELEASE:
                waitlist.promote(client, settings, event_id, now=now)
            return applied
        if effect is Consequence.RETURN and "seats" in refused:
            place = _possible_status(refused["seats"])
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def register_again(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Register a person again who had declined: they take a seat, or a place on the waitlist, and are invited again.

    Returns the registration as it is stored then. Where it is not declined any more, only ``also`` is written. Returns
    ``Obstacle.ABSENT`` where there is none, ``CLOSED`` where the event is cancelled. Raises :class:`dynamo.Contention`.
    """
    reads = Reads(client, settings)
    place = RegistrationStatus.REGISTERED
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        event = reads.event(event_id)
        if person is None or invitation is None or event is None:
            return Obstacle.ABSENT
        if person.status is not RegistrationStatus.DECLINED:
            if also:
                attempt(client, also)
            return person
        reply = _cleared_reply(person, invitation, now)
        received = ReceivedReply(reply=reply, channel=AnswerChannel.API, at=now)
        kept = answers.stored_keys(client, settings, registration_id)
        changed = _with_status(with_reply(person, reply), Consequence.RETURN, place, now)
        applied = Applied(
            outcome=Outcome.STANDS,
            consequence=Consequence.RETURN,
            registration=changed,
            before=participation(person, invitation),
            now=participation(changed, invitation),
        )
        actions = {
            "registration": _registration_action(settings, person, changed),
            **answers.history_actions(settings, registration_id, received, kept, series.ends_at(event)),
            **_seat_actions(client, settings, person, changed, invitation, now, ask=True),
            **_webhook_event_actions(client, settings, event, applied, reply, now),
        }
        refused = attempt(client, {**actions, **also})
        if not refused:
            return changed
        if "seats" in refused:
            place = _possible_status(refused["seats"])
            if place is RegistrationStatus.CANCELLED:
                return Obstacle.CLOSED
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _cleared_reply(person: Registration, invitation: Invitation, now: datetime) -> Reply:
    """A reply with NEEDS-ACTION that has precedence over all earlier ones."""
    sequence = max(invitation.allocated, 0)
    if person.reply is not None:
        # The clock of the calendar program that wrote the last reply may be ahead.
        now = max(now, person.reply.dtstamp + timedelta(seconds=1))
    return Reply(status=Participation.NEEDS_ACTION, sequence=sequence, dtstamp=now)


# --- the seat -----------------------------------------------------------------------------------------------------


def _with_status(person: Registration, effect: Consequence, place: RegistrationStatus, now: datetime) -> Registration:
    """The next version of the registration, with the status that follows from the reply's consequence."""
    person = replace(person, version=person.version + 1)
    match effect:
        case Consequence.RELEASE:
            return replace(person, status=RegistrationStatus.DECLINED, updated_at=now)
        case Consequence.RETURN:
            return replace(person, status=place, updated_at=now)
        case Consequence.NONE:
            return person


def _possible_status(found: items.Item | None) -> RegistrationStatus:
    """The status that is possible where the requested one was not: from the stored seats, or CANCELLED where the event
    is.
    """
    if found is None or not found["open"]:
        return RegistrationStatus.CANCELLED
    return seats.available_status(items.seats_of(found))


def _registration_action(settings: Settings, person: Registration, changed: Registration) -> Action:
    stored = items.registration_item(changed)
    replies = {name: stored[name] for name in ("reply", "date_replies") if name in stored}
    return update(
        settings.registrations_table,
        keys.registration(person.event_id, person.registration_id),
        "SET #status = :status, #version = :version, #updated_at = :updated_at"
        + "".join(f", #{name} = :{name}" for name in replies),
        STILL_THE_VERSION_SEEN,
        status=changed.status.value,
        version=changed.version,
        updated_at=keys.instant(changed.updated_at),
        seen=person.version,
        **replies,
    )


def _seat_actions(
    client: Any,
    settings: Settings,
    person: Registration,
    changed: Registration,
    invitation: Invitation,
    now: datetime,
    *,
    ask: bool = False,
) -> dict[str, Action]:
    """The actions for seat, invitation and survey where the status changes; none where it does not.

    ``ask``: the latest message is sent again under a new SEQUENCE, since a calendar program may have removed an entry
    that was declined.
    """
    if changed.status is person.status:
        return {}
    ids = person.event_id, person.registration_id
    if changed.status is RegistrationStatus.DECLINED:
        waits = person.status is RegistrationStatus.WAITLISTED
        seat = seats.release_actions(client, settings, *ids, now, waits=waits)
    elif changed.status is RegistrationStatus.CANCELLED:
        seat = {"lock": unlock_action(settings, person)}
    else:
        seat = seats.take_actions(settings, *ids, waits=changed.status is RegistrationStatus.WAITLISTED)
    acknowledged = invitation.acknowledged
    repair = ask and acknowledged is not None and not acknowledged.calendar_state.gone
    # Somebody who accepted without getting a seat has a wrong calendar entry, which has to be corrected soon.
    priority = 1 if changed.status is RegistrationStatus.REGISTERED else 0
    actions = {**seat, "invitation": wake_up_action(settings, invitation, priority, now, repair=repair)}
    if changed.status is not RegistrationStatus.DECLINED:
        actions["survey"] = attention.survey_action(settings, person.event_id, now)
    return actions


# --- webhook events -----------------------------------------------------------------------------------------------


def _webhook_event_actions(
    client: Any, settings: Settings, event: Event, applied: Applied, reply: Reply, now: datetime
) -> dict[str, Action]:
    changed = applied.registration
    if changed is None:
        return {}
    about = outbox.registration_data(changed)
    happened: dict[WebhookEventType, dict[str, Any]] = {}
    if applied.consequence is Consequence.RELEASE:
        happened[WebhookEventType.REGISTRATION_DECLINED] = about
    elif applied.consequence is Consequence.RETURN:
        cancelled = changed.status is RegistrationStatus.CANCELLED
        what = WebhookEventType.REGISTRATION_CANCELLED if cancelled else WebhookEventType.REGISTRATION_CHANGED
        happened[what] = about
    if applied.before is not applied.now:
        date = {"date": reply.date.isoformat()} if reply.date else {}
        happened[WebhookEventType.PARTICIPATION_CHANGED] = {**about, **date, "participation": applied.now.value}
    actions: dict[str, Action] = {}
    for what, data in happened.items():
        actions |= outbox.event_actions(client, settings, event.account, what, data, now)
    return actions
