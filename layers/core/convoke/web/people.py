"""The routes that list registrations: of an event, in order of arrival or of names, and of an address at all events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision.decide import Snapshot
from ..model import DeliveryState, Event, InvalidField, Participation, RegistrationStatus
from ..settings import settings
from ..store.names import EVERYBODY, POSITION, Walk, read_search
from ..store.repository import decode_cursor, encode_cursor
from . import context, presenters
from .requests import Cursor, Limit
from .responses import RegistrationOut, RegistrationPage, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
Address = Annotated[str | None, Query(max_length=254, description="Who has this address now, or none.")]
Searched = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Who has, for each of these words, one in the name or the address that begins like it.",
    ),
]
IsWanted = Callable[[RegistrationOut], bool]

MOST_LOOKED_THROUGH = 500
"""How many registrations one request reads where what is wanted is nowhere stored, and is derived of each: as many as
take some 300 ms of a processor.
"""
AT_A_TIME = 100
"""How many registrations are read by their ids in one request to DynamoDB, which takes no more."""
ENTRIES_AT_A_TIME = 1000
"""How many entries of an index one query reads of which most are not wanted."""


class PeopleOrder(StrEnum):
    """By what a list of an event's registrations is sorted."""

    CREATED = "created"
    LATEST = "-created"
    NAME = "name"


@router.get("/events/<event_id>/registrations", summary="List registrations", responses=documented(200))
def list_registrations(
    event_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    email: Address = None,
    external_id: Annotated[
        str | None, Query(max_length=200, description="The registration with this id of yours.")
    ] = None,
    search: Searched = None,
    order: Annotated[
        PeopleOrder | None,
        Query(description="name where search is given, else created; -created has the latest first."),
    ] = None,
    status: Annotated[RegistrationStatus | None, Query()] = None,
    participation: Annotated[Participation | None, Query()] = None,
    delivery: Annotated[DeliveryState | None, Query(description="The state of the invitation.")] = None,
) -> Response[RegistrationPage]:
    event, at = context.own_event(event_id), context.now()
    searched = None if search is None else read_search(search)
    order = order or (PeopleOrder.NAME if searched else PeopleOrder.CREATED)
    if searched and order is not PeopleOrder.NAME:
        raise InvalidField("order", "must be name, or left out, where search is given")
    if searched and (email is not None or external_id is not None):
        raise InvalidField("search", "must be left out where email or external_id is given")

    def is_wanted(person: RegistrationOut) -> bool:
        return (
            status in (None, person.status)
            and participation in (None, person.participation)
            and delivery in (None, person.invitation.state)
        )

    if email is not None or external_id is not None:
        people = [shown(one, at) for one in known(event, email, external_id)]
        return context.answer(200, RegistrationPage(items=list(filter(is_wanted, people)), next=None))
    filters = f"{status} {participation} {delivery}"
    if order is PeopleOrder.NAME:
        identity = f"names of {event_id}, {filters} {searched}"
        after = "" if cursor is None else decode_cursor(identity, cursor, POSITION)
        filtered = filters != "None None None"
        at_a_time = AT_A_TIME if filtered else min(limit + 1, AT_A_TIME)
        entries = ENTRIES_AT_A_TIME if searched and searched.filters else at_a_time
        walk = context.store().names.walk(event_id, searched or EVERYBODY, after, at_a_time=entries)
        found = by_name(event, walk, at_a_time)
        listed = looked_through(found, at, is_wanted, identity, limit, after)
        if listed.next is None and not walk.ended:
            listed = RegistrationPage(items=listed.items, next=encode_cursor(identity, walk.position))
        return context.answer(200, listed)
    latest_first = order is PeopleOrder.LATEST
    if participation is not None or delivery is not None:
        identity = f"registrations of {event_id}, {order} {filters}"
        after = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9a-z]+")
        found = by_arrival(event, after, latest_first=latest_first)
        return context.answer(200, looked_through(found, at, is_wanted, identity, limit, after))
    page = context.store().reads.list_registrations(
        event_id, limit=limit, cursor=cursor, status=status, latest_first=latest_first
    )
    people = [shown(Snapshot(invitation=one, registration=person, event=event), at) for person, one in page.items]
    return context.answer(200, RegistrationPage(items=people, next=page.next))


def shown(seen: Snapshot, at: datetime) -> RegistrationOut:
    return presenters.registration(seen, settings().sender, at)


def known(event: Event, email: str | None, external_id: str | None) -> tuple[Snapshot, ...]:
    """The registration that has the address and the external id at the event, if one has all that is given. One that
    was cancelled has neither any more.
    """
    store, found = context.store(), set[str | None]()
    if email is not None:
        found.add(store.reads.address_holder(event.event_id, email))
    if external_id is not None:
        found.add(store.external_ids.registration_holder(event.event_id, external_id))
    (holder, *others) = found
    if holder is None or others:
        return ()
    return store.lookups.read_some(event, [holder])


def by_arrival(event: Event, after: str, *, latest_first: bool) -> Iterator[tuple[str, Snapshot]]:
    """Everybody after the id ``after``; each with the position in this list."""
    for person, invitation in context.store().reads.everybody(event.event_id, after, latest_first=latest_first):
        yield person.registration_id, Snapshot(invitation=invitation, registration=person, event=event)


def by_name(event: Event, walk: Walk, at_a_time: int) -> Iterator[tuple[str, Snapshot]]:
    """Everybody whom ``walk`` comes to; each with the position in this list."""
    entries = iter(walk)
    while some := {entry.registration_id: position for position, entry in islice(entries, at_a_time)}:
        for seen in context.store().lookups.read_some(event, list(some)):
            if seen.registration.status is not RegistrationStatus.ERASED:
                yield some[seen.registration.registration_id], seen


def looked_through(
    people: Iterable[tuple[str, Snapshot]],
    at: datetime,
    is_wanted: IsWanted,
    identity: str,
    limit: int,
    after: str,
) -> RegistrationPage:
    """A page of those that are wanted, in their order. It may have fewer than ``limit``, and yet a next one."""
    found: list[RegistrationOut] = []
    for number, (position, seen) in enumerate(people, 1):
        if len(found) == limit:
            return RegistrationPage(items=found, next=encode_cursor(identity, after))
        after = position
        one = shown(seen, at)
        if is_wanted(one):
            found.append(one)
        if number == MOST_LOOKED_THROUGH:  # whoever comes next, if anybody does, would be read for nothing
            return RegistrationPage(items=found, next=encode_cursor(identity, after))
    return RegistrationPage(items=found, next=None)


@router.get("/registrations", summary="List an address's registrations at all events", responses=documented(200))
def list_person(
    email: Annotated[str, Query(max_length=254)], limit: Limit = 50, cursor: Cursor = None
) -> Response[RegistrationPage]:
    account, at = context.caller(), context.now()
    page = context.store().lookups.list_person(account, email, limit=limit, cursor=cursor)
    return context.answer(200, RegistrationPage(items=[shown(one, at) for one in page.items], next=page.next))
