"""Applies an attendee's reply: to their registration, to the history of replies, and to their seat where the event
releases the seats of those who decline.

All of it is one transaction, so that a reply that arrives twice, late, or at two workers at once is applied once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.attendance import Consequence, asked, consequence, with_reply
from ..decision.decide import CHANGE, URGENT, calendar_state_of, participation
from ..decision.invitation import Invitation, WaitMail, WaitMailed
from ..mail.new_notifications import no_seat
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
from ..store import dynamo, keys
from ..store.limits import Charge
from ..store.outbox import About, about_registration, placed
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action, rounds
from ..webhooks.events import WebhookEventType
from . import seats, waitlist
from .registry import STANDING, Obstacle, TooMany, charge_actions, give_back_actions, read, too_many


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
    store: Store,
    event_id: str,
    registration_id: str,
    reply: Reply,
    *,
    channel: AnswerChannel,
    now: datetime,
    keeps_seat: bool = False,
) -> Applied:
    """Apply ``reply``, which has been verified to be this attendee's own, and to a SEQUENCE that they were sent.

    ``channel`` is how it was given. Where it releases a seat, the first person on the waitlist gets it at once.
    ``keeps_seat``: it says nothing of the seat, since another time was proposed with it, and who released their seat
    would not be told that the event takes place then.
    Applying the same reply again, after an interruption, is harmless. Raises :class:`dynamo.Contention`.
    """
    for conflicts in rounds():
        seen, event = read(store, event_id, registration_id), store.reads.event(event_id)
        if seen is None or event is None or seen[0].status not in STANDING:
            return Applied(outcome=Outcome.INACTIVE, registration=seen[0] if seen else None)
        person, invitation = seen
        kept = store.answers.stored_keys(registration_id)
        changed = with_reply(person, reply, asked(invitation, reply.date))
        newest = changed != person
        counts = newest and not keeps_seat
        effect = consequence(event, person, invitation, reply, now) if counts else Consequence.NONE
        place = None
        if effect is Consequence.RETURN:
            place = seats.take(store, event_id, registration_id, count=person.seats, conflicts=conflicts, now=now)
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
        history = store.answers.history_actions(registration_id, received, kept, series.ends_at(event))
        if not newest and not history:
            return replace(applied, registration=person)
        no_seat_left = effect is Consequence.RETURN and changed.status is RegistrationStatus.WAITLISTED
        # What the mail will say: if it comes too late to be true, they are mailed what is.
        said = WaitMailed(mail=WaitMail.PLACE, links=person.links) if no_seat_left else None
        actions = {
            "registration": store.registrations.change_action(person, changed),
            **history,
            **_seat_actions(store, person, changed, invitation, place, now, wait_mail=said),
            **_webhook_event_actions(store, event, applied, reply, now),
        }
        if no_seat_left:
            notification = no_seat(event, person, sequence=reply.sequence, now=now)
            actions["notification"] = store.notifications.schedule_action(notification, now)
        refused = store.attempt(actions)
        if not refused:
            if effect is Consequence.RELEASE:
                with suppress(dynamo.Contention):  # the reply is stored, and the seat stays due: the sweep gives it
                    waitlist.promote(store, event_id, now=now)
            return applied
    raise AssertionError  # rounds() ends with Contention


def register_again(
    store: Store,
    event_id: str,
    registration_id: str,
    *,
    now: datetime,
    charge: Charge | None = None,
    also: Mapping[str, Action] = NOTHING_ELSE,
    by_page: bool = False,
) -> Registration | Obstacle | TooMany:
    """Register a person again who had declined: they take a seat, or a place on the waitlist, and are invited again.
    Who does so by a page (``by_page``) is mailed that they wait.

    Returns the registration as it is stored then. Where it is not declined any more, only ``also`` is written. Returns
    ``Obstacle.ABSENT`` where there is none, ``CLOSED`` where the event is cancelled, :class:`TooMany` where ``charge``,
    what this counts for, exceeds a limit. Raises :class:`dynamo.Contention`.
    """
    for conflicts in rounds():
        seen, event = read(store, event_id, registration_id), store.reads.event(event_id)
        if seen is None or event is None:
            return Obstacle.ABSENT
        person, invitation = seen
        if person.status is not RegistrationStatus.DECLINED:
            store.requests.keep(also)
            return person
        place = seats.take(store, event_id, registration_id, count=person.seats, conflicts=conflicts, now=now)
        if place is None:
            return Obstacle.CLOSED
        reply = cleared_reply(person, invitation, now)
        received = ReceivedReply(reply=reply, channel=AnswerChannel.API, at=now)
        kept = store.answers.stored_keys(registration_id)
        changed = _with_status(with_reply(person, reply, asked(invitation)), Consequence.RETURN, place, now)
        applied = Applied(
            outcome=Outcome.STANDS,
            consequence=Consequence.RETURN,
            registration=changed,
            before=participation(person, invitation),
            now=participation(changed, invitation),
        )
        shown = shown_on_their_page(changed, invitation) if by_page else None
        actions = {
            "registration": store.registrations.change_action(person, changed),
            **store.answers.history_actions(registration_id, received, kept, series.ends_at(event)),
            **_seat_actions(store, person, changed, invitation, place, now, ask=True, wait_mail=shown),
            **_webhook_event_actions(store, event, applied, reply, now),
        }
        refused = store.attempt({**actions, **charge_actions(store, charge), **also})
        if not refused:
            return changed
        if (wait := too_many(refused, charge)) is not None:
            return wait
    raise AssertionError  # rounds() ends with Contention


def shown_on_their_page(person: Registration, invitation: Invitation) -> WaitMailed | None:
    """What counts as mailed to somebody who comes back by their page: nothing yet of what that shows; ``None`` where
    their calendar has the entry, of which they are sent messages. One that is on the way may not arrive.
    """
    known = calendar_state_of(invitation)
    arrived = known is not None and not known.gone and invitation.lease_until is None
    in_calendar = person.status is RegistrationStatus.REGISTERED and arrived
    return None if in_calendar else WaitMailed(mail=WaitMail.NOTHING)


def cleared_reply(person: Registration, invitation: Invitation, now: datetime) -> Reply:
    """A reply with NEEDS-ACTION that has precedence over all earlier ones."""
    sequence = max(invitation.allocated, 0)
    if person.reply is not None:
        # The clock of the calendar program that wrote the last reply may be ahead.
        now = max(now, person.reply.dtstamp + timedelta(seconds=1))
    return Reply(status=Participation.NEEDS_ACTION, sequence=sequence, dtstamp=now)


# --- the seat -----------------------------------------------------------------------------------------------------


def _with_status(person: Registration, effect: Consequence, place: seats.Place | None, now: datetime) -> Registration:
    """The next version of the registration, with the status that follows from the reply's consequence: of who returns,
    that of the ``place``; they are cancelled where the event is closed.
    """
    person = replace(person, version=person.version + 1)
    match effect:
        case Consequence.RELEASE:
            return replace(person, status=RegistrationStatus.DECLINED, left_at=now, updated_at=now)
        case Consequence.RETURN:
            status = RegistrationStatus.CANCELLED if place is None else place.status
            return replace(person, status=status, updated_at=now)
        case Consequence.NONE:
            return person


def _seat_actions(
    store: Store,
    person: Registration,
    changed: Registration,
    invitation: Invitation,
    place: seats.Place | None,
    now: datetime,
    *,
    ask: bool = False,
    wait_mail: WaitMailed | None = None,
) -> dict[str, Action]:
    """The actions for seat, invitation and survey where the status changes; none where it does not. ``wait_mail``, if
    given, is what counts as mailed to them of their waiting.

    ``ask``: the latest message is sent again under a new SEQUENCE, since a calendar program may have removed an entry
    that was declined.
    """
    if changed.status is person.status:
        return {}
    if changed.status is RegistrationStatus.DECLINED:
        seat = seats.release_actions(store, person, now)
    elif place is None:
        seat = give_back_actions(store, person)
    else:
        seat = place.actions
    acknowledged = invitation.acknowledged
    repair = ask and acknowledged is not None and not acknowledged.calendar_state.gone
    # Somebody who accepted without getting a seat has a wrong calendar entry, which has to be corrected soon.
    priority = CHANGE if changed.status is RegistrationStatus.REGISTERED else URGENT
    woken = store.invitations.wake_up_action(invitation, priority, now, repair=repair, wait_mail=wait_mail)
    actions = {**seat, "invitation": woken}
    if changed.status is not RegistrationStatus.DECLINED:
        actions["survey"] = store.surveys.soon_action(person.event_id, now)
    return actions


# --- webhook events -----------------------------------------------------------------------------------------------


def _webhook_event_actions(
    store: Store, event: Event, applied: Applied, reply: Reply, now: datetime
) -> dict[str, Action]:
    changed = applied.registration
    if changed is None:
        return {}
    happened: dict[WebhookEventType, About] = {}
    if applied.consequence is Consequence.RELEASE:
        happened[WebhookEventType.REGISTRATION_DECLINED] = about_registration(changed)
    elif applied.consequence is Consequence.RETURN:
        cancelled = changed.status is RegistrationStatus.CANCELLED
        what = WebhookEventType.REGISTRATION_CANCELLED if cancelled else WebhookEventType.REGISTRATION_CHANGED
        happened |= placed(what, changed)
    if applied.before is not applied.now:
        date = {"date": reply.date.isoformat()} if reply.date else {}
        told = about_registration(changed, **date, participation=applied.now.value)
        happened[WebhookEventType.PARTICIPATION_CHANGED] = told
    return store.outbox.event_actions(event.account, happened, now)
