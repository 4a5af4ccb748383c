"""What an attendee's answer changes: their registration, its history, and the seat where the event gives it on.

All of it is one transaction, so an answer that comes twice, late, or to two workers at once is heard once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..decision.attendance import Consequence, consequence, heeding
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
    notes,
    outbox,
)
from ..store.reads import Reads
from ..store.writes import NOTHING_ELSE, ROUNDS, Action, attempt, update
from ..webhooks.events import WebhookEventType
from . import seats, waitlist
from .registry import STANDING, STILL_THE_VERSION_SEEN, Obstacle, unlocking, wakeups


class Outcome(StrEnum):
    """What came of an answer."""

    STANDS = "stands"
    """It is the newest, and is stored with the registration."""
    OLDER = "older"
    """A newer one stands; it is kept in the history only."""
    KNOWN = "known"
    """It had come before; nothing changed."""
    INACTIVE = "inactive"
    """The registration was withdrawn or erased, or never was; nothing was kept."""


@frozen
class Applied:
    """What came of an answer: the ``registration`` as it stands, and the participation it had ``before`` and has
    ``now``, for what the answer was about: the whole event, or one date.
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
    means: AnswerChannel,
    now: datetime,
) -> Applied:
    """Apply ``reply``, which is known to be this attendee's own, to a SEQUENCE that they were sent.

    Where it gives a seat back, the first in line gets it at once. Whoever is interrupted may apply it again.
    """
    reads = Reads(client, settings)
    place = RegistrationStatus.REGISTERED
    for _ in range(ROUNDS):
        invitation = reads.invitation(event_id, registration_id)
        person = reads.registration(event_id, registration_id)
        event = reads.event(event_id)
        if person is None or invitation is None or event is None or person.status not in STANDING:
            return Applied(outcome=Outcome.INACTIVE, registration=person)
        kept = answers.known(client, settings, registration_id)
        changed = heeding(person, reply)
        newest = changed != person
        effect = consequence(event, person, invitation, reply, now) if newest else Consequence.NONE
        changed = _placed(changed, effect, place, now)
        applied = Applied(
            outcome=Outcome.STANDS if newest else Outcome.OLDER,
            consequence=effect,
            registration=changed,
            before=participation(person, invitation, reply.date),
            now=participation(changed, invitation, reply.date),
        )
        if not newest and keys.answer(registration_id, reply)["sk"] in kept:
            return replace(applied, outcome=Outcome.KNOWN, registration=person)
        heard = ReceivedReply(reply=reply, means=means, at=now)
        history = answers.keeping(settings, registration_id, heard, kept, series.ends_at(event))
        if not newest and not history:
            return replace(applied, registration=person)
        actions = {
            "registration": _written(settings, person, changed),
            **history,
            **_seat(client, settings, person, changed, invitation, now),
            **_facts(client, settings, event, applied, reply, now),
        }
        if effect is Consequence.RETURN and changed.status is RegistrationStatus.WAITLISTED:
            rendered = no_seat(event, person, sequence=reply.sequence, now=now)
            actions["note"] = notes.owing(settings, rendered, now)
        refused = attempt(client, actions)
        if not refused:
            if effect is Consequence.RELEASE:
                waitlist.promote(client, settings, event_id, now=now)
            return applied
        if effect is Consequence.RETURN and "seats" in refused:
            place = _other_place(refused["seats"])
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def come_again(
    client: Any,
    settings: Settings,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    also: Mapping[str, Action] = NOTHING_ELSE,
) -> Registration | Obstacle:
    """Register somebody anew who had declined: they take a seat, or a place in line, and are asked again.

    Answers the registration as it stands then. Where it is not declined any more, only ``also`` is done.
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
        reply = _open_again(person, invitation, now)
        heard = ReceivedReply(reply=reply, means=AnswerChannel.API, at=now)
        kept = answers.known(client, settings, registration_id)
        changed = _placed(heeding(person, reply), Consequence.RETURN, place, now)
        applied = Applied(
            outcome=Outcome.STANDS,
            consequence=Consequence.RETURN,
            registration=changed,
            before=participation(person, invitation),
            now=participation(changed, invitation),
        )
        actions = {
            "registration": _written(settings, person, changed),
            **answers.keeping(settings, registration_id, heard, kept, series.ends_at(event)),
            **_seat(client, settings, person, changed, invitation, now, ask=True),
            **_facts(client, settings, event, applied, reply, now),
        }
        refused = attempt(client, {**actions, **also})
        if not refused:
            return changed
        if "seats" in refused:
            place = _other_place(refused["seats"])
            if place is RegistrationStatus.CANCELLED:
                return Obstacle.CLOSED
    raise dynamo.Contention(f"{ROUNDS} rounds met other writers")


def _open_again(person: Registration, invitation: Invitation, now: datetime) -> Reply:
    """The answer that takes back every one before it, and leaves the question open."""
    sequence = max(invitation.allocated, 0)
    if person.reply is not None:
        # A calendar's clock may be ahead of ours.
        now = max(now, person.reply.dtstamp + timedelta(seconds=1))
    return Reply(status=Participation.NEEDS_ACTION, sequence=sequence, dtstamp=now)


# --- the seat -----------------------------------------------------------------------------------------------------


def _placed(person: Registration, effect: Consequence, place: RegistrationStatus, now: datetime) -> Registration:
    """The next version of the registration."""
    person = replace(person, version=person.version + 1)
    match effect:
        case Consequence.RELEASE:
            return replace(person, status=RegistrationStatus.DECLINED, updated_at=now)
        case Consequence.RETURN:
            return replace(person, status=place, updated_at=now)
        case Consequence.NONE:
            return person


def _other_place(found: items.Item | None) -> RegistrationStatus:
    """Where there was not what was asked for: what there is. A cancelled event has neither seats nor a line."""
    if found is None or not found["open"]:
        return RegistrationStatus.CANCELLED
    return seats.place(items.seats_of(found))


def _written(settings: Settings, person: Registration, changed: Registration) -> Action:
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


def _seat(
    client: Any,
    settings: Settings,
    person: Registration,
    changed: Registration,
    invitation: Invitation,
    now: datetime,
    *,
    ask: bool = False,
) -> dict[str, Action]:
    """What becomes of the seat and of what they are told, where the status changes. ``ask``: what they were told last
    is told anew, since a calendar may have dropped what was declined.
    """
    if changed.status is person.status:
        return {}
    ids = person.event_id, person.registration_id
    if changed.status is RegistrationStatus.DECLINED:
        waits = person.status is RegistrationStatus.WAITLISTED
        seat = seats.given_back(client, settings, *ids, now, waits=waits)
    elif changed.status is RegistrationStatus.CANCELLED:
        seat = {"lock": unlocking(settings, person)}
    else:
        seat = seats.taken(settings, *ids, waits=changed.status is RegistrationStatus.WAITLISTED)
    calendar_state = invitation.acknowledged
    repair = ask and calendar_state is not None and not calendar_state.calendar_state.gone
    # Whoever accepts what there is no more, or no seat for, must not take their calendar for the truth for long.
    priority = 1 if changed.status is RegistrationStatus.REGISTERED else 0
    actions = {**seat, "invitation": wakeups(settings, invitation, priority, now, repair=repair)}
    if changed.status is not RegistrationStatus.DECLINED:
        actions["survey"] = attention.watching(settings, person.event_id, now)
    return actions


# --- what webhooks are told ---------------------------------------------------------------------------------------


def _facts(
    client: Any, settings: Settings, event: Event, applied: Applied, reply: Reply, now: datetime
) -> dict[str, Action]:
    changed = applied.registration
    if changed is None:
        return {}
    about = outbox.about(changed)
    calendar_state: dict[WebhookEventType, dict[str, Any]] = {}
    if applied.consequence is Consequence.RELEASE:
        calendar_state[WebhookEventType.REGISTRATION_DECLINED] = about
    elif applied.consequence is Consequence.RETURN:
        cancelled = changed.status is RegistrationStatus.CANCELLED
        calendar_state[
            WebhookEventType.REGISTRATION_CANCELLED if cancelled else WebhookEventType.REGISTRATION_CHANGED
        ] = about
    if applied.before is not applied.now:
        date = {"date": reply.date.isoformat()} if reply.date else {}
        calendar_state[WebhookEventType.PARTICIPATION_CHANGED] = {**about, **date, "participation": applied.now.value}
    actions: dict[str, Action] = {}
    for what, data in calendar_state.items():
        actions |= outbox.telling(client, settings, event.account, what, data, now)
    return actions
