"""Look-ups for the API, by index: an account's events, an organizer's, and the registrations of an address; a page at
a time.

An index may lag by moments. What it lists is then read strongly consistently, and left out if it is not wanted any
more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from ..decision.decide import Snapshot
from ..decision.invitation import Invitation, Seats
from ..model import Event, EventStatus, InvalidField, Registration, folded, frozen
from ..schedule import series
from . import dynamo, keys
from .reads import Reads
from .repository import NO_CURSOR, Page, decode_cursor, encode_cursor, page


class Order(StrEnum):
    """By what a list of events is sorted; each has an index."""

    CREATED = "created"
    START = "start"
    LATEST = "-start"
    UPDATED = "updated"


INDEXES = {
    Order.CREATED: (keys.ACCOUNT_INDEX, "created_at"),
    Order.START: (keys.START_INDEX, "starts_at"),
    Order.LATEST: (keys.START_INDEX, "starts_at"),
    Order.UPDATED: (keys.UPDATED_INDEX, "updated_at"),
}
POSITION = r"[0-9TZ:.\-]{27}[0-9a-z]+"
"""The regular expression of a position: the instant that an event is sorted by, and its id."""
FIRST, LAST = "0", "~"
"""What sorts before and after every instant."""
FILTERED_EVENTS = 1000
"""How many rows of the index one query reads where they are filtered."""
LOOKED_THROUGH = 2000
"""In how many rows of the index one request looks for words."""
BY_START = (Order.START, Order.LATEST)
"""The orders whose index has what words are looked for in, and when an event ends."""
MOST_ORGANIZED = 500
"""Of how many events of an organizer a list is made: those that were created last."""


@frozen
class Wanted:
    """Which events a list has: of one status, with a first date that starts from ``since`` on and before ``until``, and
    changed from ``updated_since`` on (all UTC); ``None`` is whatever it is. ``over``: whether their last date has
    ended at ``now`` (UTC), which may be another for each page of a list. ``words``, as :func:`words_of` has them, are
    all in title and place. The last two are for the orders :data:`BY_START`.
    """

    words: tuple[str, ...] = ()
    over: bool | None = None
    now: datetime = field(default=datetime.min.replace(tzinfo=UTC), repr=False)
    status: EventStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None

    def has(self, event: Event) -> bool:
        return (
            (self.over is None or (series.ends_at(event) <= self.now) is self.over)
            and self.says(event.title, event.location)
            and (self.status is None or event.status is self.status)
            and (self.since is None or event.when.starts_at >= self.since)
            and (self.until is None or event.when.starts_at < self.until)
            and (self.updated_since is None or event.updated_at >= self.updated_since)
        )

    def says(self, *texts: str) -> bool:
        """Whether each of the words is in one of ``texts``."""
        said = _plain(" ".join(texts)) if self.words else ""
        return all(word in said for word in self.words)

    @property
    def ranges(self) -> dict[str, tuple[str, str]]:
        """The first and the last value of each attribute that is limited."""
        last = keys.instant(self.until - timedelta(microseconds=1)) if self.until else LAST
        found = {
            "starts_at": (keys.instant(self.since) if self.since else FIRST, last),
            "updated_at": (keys.instant(self.updated_since) if self.updated_since else FIRST, LAST),
        }
        if self.over is not None:
            ended = keys.instant(self.now)
            found["ends_at"] = (FIRST, ended) if self.over else (f"{ended}~", LAST)
        return {name: span for name, span in found.items() if span != (FIRST, LAST)}


def words_of(text: str) -> tuple[str, ...]:
    """The words to look for in ``text``, whatever their case and accents; parts of words count, too."""
    return tuple(dict.fromkeys(_plain(text).split()))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@frozen
class Counted:
    """An event with its seats: how many are taken, and how many people wait."""

    event: Event
    seats: Seats


EVERY = Wanted()


class Lookups(Reads):
    def list_events(
        self,
        account: str,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = Order.CREATED,
        wanted: Wanted = EVERY,
    ) -> Page:
        """A page of the account's events as :class:`Counted`, in ``order``. Where words are looked for it may have
        fewer than ``limit`` and yet a next one.
        """
        index, sorted_by = INDEXES[order]
        identity = f"events of {account}, {order} {wanted}"
        ranges = wanted.ranges
        if any(low > high for low, high in ranges.values()):
            return Page(items=(), next=None)  # DynamoDB refuses a BETWEEN of such a range
        first, last = ranges.pop(sorted_by, (FIRST, LAST))
        filters, values = [], dict[str, str]()
        for name, (low, high) in ranges.items():
            filters.append(f"#{name} BETWEEN :{name}_low AND :{name}_high")
            values |= {f":{name}_low": low, f":{name}_high": high}
        if wanted.status is not None:
            filters.append("#status = :status")
            values[":status"] = wanted.status.value
        query = dynamo.of_index(self._people, index, ("account", account), (sorted_by, first, last))
        query["Limit"] = FILTERED_EVENTS if filters or wanted.words else limit + 1
        query["ScanIndexForward"] = order is not Order.LATEST
        if filters:
            expression = " AND ".join(filters)
            names = {f"#{name}": name for name in re.findall(r"#(\w+)", expression)}
            query |= {"FilterExpression": expression, "ExpressionAttributeNames": names}
            query["ExpressionAttributeValues"] |= dynamo.wire(values)
        if cursor is not None:
            position = decode_cursor(identity, cursor, POSITION)
            if not first <= position[:27] <= last:
                raise InvalidField("cursor", NO_CURSOR)  # DynamoDB refuses to start outside of the range
            start = {**keys.event(position[27:]), "account": account, sorted_by: position[:27]}
            query["ExclusiveStartKey"] = dynamo.wire(start)
        listed = _looked_through(
            self._rows(query),
            limit,
            identity,
            position=lambda row: row[sorted_by] + keys.event_id_of(row["pk"]),
            fits=lambda row: not wanted.words or wanted.says(row["title"], row.get("location", "")),
        )
        found = self.read_events([keys.event_id_of(row["pk"]) for row in listed.items])
        return Page(items=tuple(one for one in found if wanted.has(one.event)), next=listed.next)

    def read_events(self, ids: Sequence[str]) -> tuple[Counted, ...]:
        """Events with their seats, without those that do not exist."""
        events = self._read_all(Event, self._people, map(keys.event, ids))
        counts = self._read_all(Seats, self._sent, map(keys.seats, ids))
        # Most have no shards, so that their own item says it all.
        seats = [self.seats(event_id) if its and its.blocks else its for event_id, its in zip(ids, counts, strict=True)]
        return tuple(Counted(event=one, seats=its) for one, its in zip(events, seats, strict=True) if one and its)

    def list_organized(
        self,
        email: str,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = Order.CREATED,
        wanted: Wanted = EVERY,
    ) -> Page:
        """As :meth:`list_events`, of the events of all accounts whose organizer has this address now. They are sorted
        and filtered here, which is why no more than :data:`MOST_ORGANIZED` are looked at.
        """
        _, sorted_by = INDEXES[order]
        identity = f"events of {keys.organizer(email)}, {order} {wanted}"
        after = "" if cursor is None else decode_cursor(identity, cursor, POSITION)
        found = self._read_all(Event, self._people, map(keys.event, self._organized(email)))
        positions = sorted(
            _position(event, sorted_by) + event.event_id
            for event in found
            if event is not None and folded(event.organizer.email) == folded(email) and wanted.has(event)
        )
        left = [one for one in positions if one > after]
        if order is Order.LATEST:
            left = [one for one in reversed(positions) if not after or one < after]
        listed = page(left, limit, identity, str)
        counted = self.read_events([position[27:] for position in listed.items])
        return Page(items=counted, next=listed.next)

    def organizes(self, email: str, since: datetime) -> Event | None:
        """An event, of any account, whose organizer has this address and which ends after ``since`` (UTC), if there is
        one.
        """
        for event_id in self._organized(email):
            event = self.event(event_id)
            if event and folded(event.organizer.email) == folded(email) and series.ends_at(event) > since:
                return event
        return None

    def _organized(self, email: str) -> Iterator[str]:
        """The ids of events whose organizer has, or had moments ago, this address, the newest first."""
        whose = ("person", keys.organizer(email))
        query = dynamo.of_index(self._people, keys.PERSON_INDEX, whose, ScanIndexForward=False, Limit=MOST_ORGANIZED)
        rows = islice(self._rows(query), MOST_ORGANIZED)
        return (keys.event_id_of(row["pk"]) for row in rows)

    def list_person(self, account: str, email: str, *, limit: int, cursor: str | None = None) -> Page:
        """A page of the registrations of an address at all events of the account as :class:`Snapshot`, in the order of
        their creation.
        """
        person = keys.person(account, email)
        identity = f"registrations of {person}"
        query = dynamo.of_index(self._people, keys.PERSON_INDEX, ("person", person), Limit=limit + 1)
        if cursor is not None:
            position = decode_cursor(identity, cursor, r"[0-9TZ:.\-]{27} [0-9a-z]+ [0-9a-z]+")
            created_at, *ids = position.split(" ")
            start = {**keys.registration(*ids), "person": person, "created_at": created_at}
            query["ExclusiveStartKey"] = dynamo.wire(start)
        listed = page(self._rows(query), limit, identity, lambda row: " ".join((row["created_at"], *_ids(row))))
        people = self.read_people([_ids(row) for row in listed.items])
        return Page(
            items=tuple(one for one in people if folded(one.registration.email) == folded(email)), next=listed.next
        )

    def read_people(self, wanted: Sequence[tuple[str, str]]) -> tuple[Snapshot, ...]:
        """Registrations, by event id and registration id, with their events and invitations, without
        those that do not exist. An invitation is read before its registration, and the event last.
        """
        pairs = self._read_pairs(wanted)
        ids = sorted({event_id for event_id, _ in wanted})
        events = dict(zip(ids, self._read_all(Event, self._people, map(keys.event, ids)), strict=True))
        return tuple(
            Snapshot(invitation=invited, registration=person, event=event)
            for invited, person in pairs
            if (event := events[person.event_id])
        )

    def read_some(self, event: Event, ids: Sequence[str]) -> tuple[Snapshot, ...]:
        """As :meth:`read_people`, of registrations of one event that is read already."""
        pairs = self._read_pairs([(event.event_id, one) for one in ids])
        return tuple(Snapshot(invitation=invited, registration=person, event=event) for invited, person in pairs)

    def _read_pairs(self, wanted: Sequence[tuple[str, str]]) -> list[tuple[Invitation, Registration]]:
        invitations = self._read_all(Invitation, self._sent, (keys.invitation(*ids) for ids in wanted))
        registrations = self._read_all(Registration, self._people, (keys.registration(*ids) for ids in wanted))
        pairs = zip(invitations, registrations, strict=True)
        return [(invited, person) for invited, person in pairs if invited and person]


def _looked_through(
    rows: Iterable[dynamo.Item],
    limit: int,
    identity: str,
    *,
    position: Callable[[dynamo.Item], str],
    fits: Callable[[dynamo.Item], bool],
) -> Page:
    """The first ``limit`` of the ``rows`` that fit, of at most :data:`LOOKED_THROUGH`. The next page begins after the
    last that was looked at.
    """
    found: list[dynamo.Item] = []
    last: dynamo.Item | None = None
    for number, row in enumerate(rows):
        if last is not None and (len(found) == limit or number == LOOKED_THROUGH):
            return Page(items=tuple(found), next=encode_cursor(identity, position(last)))
        last = row
        if fits(row):
            found.append(row)
    return Page(items=tuple(found), next=None)


def _position(event: Event, sorted_by: str) -> str:
    """What an index sorts an event by."""
    at: datetime = event.when.starts_at if sorted_by == "starts_at" else getattr(event, sorted_by)
    return keys.instant(at)


def _ids(row: dynamo.Item) -> tuple[str, str]:
    return keys.event_id_of(row["pk"]), row["sk"].removeprefix(keys.REGISTRATION_PREFIX)
