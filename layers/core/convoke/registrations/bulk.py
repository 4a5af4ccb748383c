"""Registering many people for one event: some at a time in one transaction, and one by one where that is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

from ..decision.invitation import Seats
from ..model import ConvokeError, Event, Registration, RegistrationStatus, frozen, mailbox
from ..store import dynamo
from ..store.external_ids import Taken
from ..store.outbox import placed
from ..store.store import Store
from ..webhooks.events import WebhookEventType
from . import approval, registry, replies, seats
from .registry import Obstacle, TooMany

GROUP = 12
"""How many people one transaction registers: it has at most a hundred actions, up to seven of them for one person."""
PENDING_GROUP = 9
"""The same of people who are pending, with up to ten actions for one: a mail to them, and the webhook event."""
ALL = 1_000_000
"""More seats than a group can take."""


class OutOfTime(ConvokeError):
    """There was no time left for this person; nothing of theirs was stored."""


@frozen
class Registered:
    """A registration as it is stored; ``existing``: its address was registered before."""

    registration: Registration
    existing: bool = False


Outcome = Registered | Obstacle | TooMany | Taken | OutOfTime | dynamo.Contention


def register_all(
    store: Store,
    event: Event,
    people: Sequence[Registration],
    *,
    now: datetime,
    out_of_time: Callable[[], bool],
    again: bool = True,
) -> list[Outcome]:
    """What became of each of ``people``, in their order, in which they also get seats and places on the waitlist.

    Whoever declined is registered again, or with ``again=False`` left as they are. Whoever is registered when
    time runs out stays so; registering all of them again finds them.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(people):
        if out_of_time():
            return outcomes + [OutOfTime()] * (len(people) - len(outcomes))
        rest = people[len(outcomes) :]
        pending = rest[0].status is RegistrationStatus.PENDING
        taken = None if pending else store.seats.read(event.event_id)
        group = _group(rest, ALL if pending else _free(taken))
        # Whoever has seats that are kept for them gets these: only registering alone does that.
        kept = (
            taken is not None and taken.held and any(store.brakes.holds(one.event_id, one.email, now) for one in group)
        )
        if not kept and _register_group(store, event, group, now):
            outcomes += [Registered(registration=person) for person in group]
        else:
            outcomes += [_register_one(store, event, person, now, again=again) for person in group]
    return outcomes


def _free(taken: Seats | None) -> int:
    """How many seats can be taken together; 0 where whoever comes has to wait."""
    if taken is None or taken.queued:
        return 0
    return ALL if taken.left is None else max(0, taken.left)


def _group(people: Sequence[Registration], free: int) -> list[Registration]:
    """The next who can be registered together, at least one: they need no more seats than are ``free``, all or none of
    them are pending, and none has the mailbox, whose mails are counted, or the external id of another, since a
    transaction writes each item once.
    """
    group: list[Registration] = []
    known: set[str] = set()
    for person in islice(people, PENDING_GROUP if people[0].status is RegistrationStatus.PENDING else GROUP):
        free -= person.seats
        own = {f"mailbox {mailbox(person.email)}"} | ({f"id {person.external_id}"} if person.external_id else set())
        if known & own or (group and (free < 0 or person.status is not group[0].status)):
            break
        known |= own
        group.append(person)
    return group


def _register_group(store: Store, event: Event, group: list[Registration], now: datetime) -> bool:
    """Register all of ``group`` with seats, or as pending, or nobody: one of them is registered already, there are no
    seats, or others register at this moment.
    """
    wanted = store.webhooks.subscriptions(event.account)
    try:
        pending = group[0].status is RegistrationStatus.PENDING
        count = len(group) if pending else sum(person.seats for person in group)
        place = seats.place(store, group[0], count=count, now=now)
        if place is None or place.status is not group[0].status:
            return False
        actions = {**place.actions, **approval.organizer_actions(store, event, group[0], now)}
        for number, person in enumerate(group):
            happened = placed(WebhookEventType.REGISTRATION_CREATED, person)
            own = {
                **registry.registration_actions(
                    store, person, now, account=event.account, mail=approval.mail_to(event, person, now)
                ),
                **registry.charge_actions(store, store.limits.recipient(event.account, person.email, now)),
                **store.outbox.event_actions(event.account, happened, now, wanted=wanted),
            }
            actions |= {f"{name} {number}": action for name, action in own.items()}
        return not store.attempt(actions)
    except dynamo.Contention:
        return False


def _register_one(store: Store, event: Event, person: Registration, now: datetime, *, again: bool) -> Outcome:
    try:
        charge = store.limits.recipient(event.account, person.email, now)
        told, mail = approval.organizer_actions(store, event, person, now), approval.mail_to(event, person, now)
        stored = registry.register(store, person, now=now, account=event.account, charge=charge, mail=mail, also=told)
        if isinstance(stored, Registration) and stored.registration_id != person.registration_id:
            if again and stored.status is RegistrationStatus.DECLINED:
                stored = replies.register_again(store, event.event_id, stored.registration_id, now=now, charge=charge)
            return Registered(registration=stored, existing=True) if isinstance(stored, Registration) else stored
    except (Taken, dynamo.Contention) as refusal:
        return refusal
    return Registered(registration=stored) if isinstance(stored, Registration) else stored
