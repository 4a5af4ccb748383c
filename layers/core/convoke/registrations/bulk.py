"""Registering many people for one event: some at a time in one transaction, and one by one where that is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from ..decision.invitation import Seats
from ..model import ConvokeError, Event, Registration, RegistrationStatus, folded, frozen
from ..store import dynamo
from ..store.external_ids import Taken
from ..store.outbox import registration_data
from ..store.store import Store
from ..store.writes import Action
from ..webhooks.events import WebhookEventType
from . import registry, replies, seats
from .registry import Obstacle

GROUP = 12
"""How many people one transaction registers: it has at most a hundred actions, seven of them for one person."""


class OutOfTime(ConvokeError):
    """There was no time left for this person; nothing of theirs was stored."""


@frozen
class Registered:
    """A registration as it is stored; ``existing``: its address was registered before."""

    registration: Registration
    existing: bool = False


Outcome = Registered | Obstacle | Taken | OutOfTime | dynamo.Contention


def register_all(
    store: Store, event: Event, people: Sequence[Registration], *, now: datetime, out_of_time: Callable[[], bool]
) -> list[Outcome]:
    """What became of each of ``people``, in their order, in which they also get seats and places on the waitlist.

    Whoever is registered when time runs out stays so; registering all of them again finds them.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(people):
        if out_of_time():
            return outcomes + [OutOfTime()] * (len(people) - len(outcomes))
        held = store.reads.seats(event.event_id)
        group = _group(people[len(outcomes) :], held)
        if _register_group(store, event, group, held, now):
            outcomes += [Registered(registration=person) for person in group]
        else:
            outcomes += [_register_one(store, event, person, now) for person in group]
    return outcomes


def _group(people: Iterable[Registration], held: Seats) -> list[Registration]:
    """The next who can be registered together: with the same status, and none with the address or the external id of
    another.
    """
    status = seats.available_status(held)
    waits = status is RegistrationStatus.WAITLISTED
    most = GROUP if waits or held.capacity is None else min(GROUP, held.capacity - held.taken)
    group: list[Registration] = []
    known: set[str] = set()
    for person in islice(people, most):
        own = {f"address {folded(person.email)}"} | ({f"id {person.external_id}"} if person.external_id else set())
        if known & own:
            break
        known |= own
        group.append(replace(person, status=status))
    return group


def _register_group(store: Store, event: Event, group: list[Registration], held: Seats, now: datetime) -> bool:
    """Register all of ``group``, or nobody: one of them is registered already, or somebody else took a seat."""
    actions: dict[str, Action] = {}
    wanted = store.webhooks.subscribed_types(event.account)
    for number, person in enumerate(group):
        own = registry.registration_actions(store, person, now, account=event.account)
        happened = {WebhookEventType.REGISTRATION_CREATED: registration_data(person)}
        if person.status is RegistrationStatus.WAITLISTED:
            happened[WebhookEventType.REGISTRATION_WAITLISTED] = registration_data(person)
        own |= store.outbox.events_actions(event.account, happened, now, wanted=wanted)
        del own["seats"]
        actions |= {f"{name} {number}": action for name, action in own.items()}
    waits = group[0].status is RegistrationStatus.WAITLISTED
    actions["seats"] = store.seats.take_many_action(event.event_id, held, len(group), waits=waits)
    try:
        return not store.attempt(actions)
    except dynamo.Contention:
        return False


def _register_one(store: Store, event: Event, person: Registration, now: datetime) -> Outcome:
    try:
        stored = registry.register(store, person, now=now, account=event.account)
        if isinstance(stored, Registration) and stored.registration_id != person.registration_id:
            if stored.status is RegistrationStatus.DECLINED:
                stored = replies.register_again(store, event.event_id, stored.registration_id, now=now)
            return stored if isinstance(stored, Obstacle) else Registered(registration=stored, existing=True)
    except (Taken, dynamo.Contention) as refusal:
        return refusal
    return stored if isinstance(stored, Obstacle) else Registered(registration=stored)
