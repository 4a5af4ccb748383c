"""Reads of events, registrations, invitations, messages and due items, each strongly consistent; and lists of them, a
page at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from ..decision.decide import CHANGE
from ..decision.fan_out import LONGEST, FanOut
from ..decision.invitation import Invitation, Seats, Sending, StoredMessage, with_outcomes
from ..effects import Due, DueKind
from ..model import Event, Registration, RegistrationStatus, folded
from . import codec, dynamo, keys, spread
from .dynamo import Item
from .repository import Page, Repository, Stored, decode_cursor, page
from .seats import SeatCounts

BATCH_SIZE = 500
"""How many registrations and invitations :meth:`Reads.everybody` reads at a time."""
FILTERED_PAGE_SIZE = 500
"""How many registrations one query reads where they are filtered by status."""


class Reads(Repository):
    """Strongly consistent reads. Only the index of due items, and those of events, may lag by moments."""

    def invitation(self, event_id: str, registration_id: str) -> Invitation | None:
        return self._get(Invitation, self._sent, keys.invitation(event_id, registration_id))

    def registration(self, event_id: str, registration_id: str) -> Registration | None:
        return self._get(Registration, self._people, keys.registration(event_id, registration_id))

    def event(self, event_id: str) -> Event | None:
        return self._get(Event, self._people, keys.event(event_id))

    def together(
        self, event_id: str, registration_id: str
    ) -> tuple[Sending, Invitation | None, Registration | None, Event | None] | None:
        """The switch over all mail, an invitation, its registration and its event, all as they were at one moment;
        ``None`` where another writer was at one of them.
        """
        found = self._get_together(
            (Sending, self._sent, keys.sending()),
            (Invitation, self._sent, keys.invitation(event_id, registration_id)),
            (Registration, self._people, keys.registration(event_id, registration_id)),
            (Event, self._people, keys.event(event_id)),
        )
        return None if found is None else (found[0] or Sending(), *found[1:])

    def own_event(self, event_id: str, account: str) -> Event | None:
        """The event, or ``None`` where there is none or it belongs to another account."""
        event = self.event(event_id)
        return event if event is not None and event.account == account else None

    def seats(self, event_id: str) -> Seats:
        return SeatCounts(self.client, self.settings).read(event_id) or Seats()

    def pending(self, event_id: str) -> int:
        """How many registrations wait for the organizer's decision; 0 where the event is closed."""
        seats = self.seats(event_id)
        return seats.pending if seats.open else 0

    def stored(self, registration_id: str, sequence: int) -> StoredMessage | None:
        return self._get(StoredMessage, self._sent, keys.message(registration_id, sequence))

    def messages(self, registration_id: str) -> tuple[StoredMessage, ...]:
        """All messages to an attendee, without the rendered mails, which are large."""
        return tuple(self._all(StoredMessage, self._message_query(registration_id)))

    def messages_with_mails(self, registration_id: str) -> Iterator[StoredMessage]:
        """All messages to an attendee in order of SEQUENCE, with the rendered mails."""
        first = keys.first_message(registration_id)
        return self._all(StoredMessage, dynamo.starting_with(self._sent, first))

    def fan_out(self, event_id: str) -> FanOut | None:
        return self._get(FanOut, self._sent, keys.fan_out(event_id))

    def telling(self, event_id: str) -> bool:
        """Whether the event has a fan-out, or a batch of one."""
        first = dynamo.starting_with(self._sent, {**keys.event(event_id), "sk": keys.BATCH_PREFIX}, Limit=1)
        return self.fan_out(event_id) is not None or bool(self.client.query(**first)["Items"])

    def event_and_fan_out(self, event_id: str) -> tuple[Event | None, FanOut | None]:
        event, fan_out = self._get_each(
            (Event, self._people, keys.event(event_id)), (FanOut, self._sent, keys.fan_out(event_id))
        )
        return event, fan_out

    def event_before_fan_out(self, event_id: str) -> tuple[Event | None, FanOut | None]:
        """The event and its fan-out as they were at one moment, or the event first, where another writer was at one of
        them: the fan-out is not that of a change before the one that the event has.
        """
        found = self._get_together(
            (Event, self._people, keys.event(event_id)), (FanOut, self._sent, keys.fan_out(event_id))
        )
        event, fan_out = found or (self.event(event_id), self.fan_out(event_id))
        return event, fan_out

    def event_and_sending(self, event_id: str) -> tuple[Event | None, Sending]:
        event, sending = self._get_each(
            (Event, self._people, keys.event(event_id)), (Sending, self._sent, keys.sending())
        )
        return event, sending or Sending()

    def fan_out_and_sending(self, event_id: str) -> tuple[FanOut | None, Sending]:
        fan_out, sending = self._get_each(
            (FanOut, self._sent, keys.fan_out(event_id)), (Sending, self._sent, keys.sending())
        )
        return fan_out, sending or Sending()

    def new_fan_out(self, event_id: str) -> tuple[FanOut | None, Sending, int]:
        """The fan-out, the switch over all mail, and how many seats are taken but those that shards gave."""
        fan_out, sending, seats = self._get_each(
            (FanOut, self._sent, keys.fan_out(event_id)),
            (Sending, self._sent, keys.sending()),
            (Seats, self._sent, keys.seats(event_id)),
        )
        return fan_out, sending or Sending(), 0 if seats is None else seats.taken

    def people(
        self, event_id: str, ids: tuple[str, ...]
    ) -> tuple[tuple[Invitation, ...], tuple[Registration, ...], Event | None] | None:
        """The invitations and registrations with these ids, in this order, and the event, all as they were at one
        moment; ``None`` where another writer was at one of them.
        """
        found = self._get_together(
            *((Invitation, self._sent, keys.invitation(event_id, one)) for one in ids),
            *((Registration, self._people, keys.registration(event_id, one)) for one in ids),
            (Event, self._people, keys.event(event_id)),
        )
        if found is None:
            return None
        invitations, registrations = found[: len(ids)], found[len(ids) : -1]
        return tuple(filter(None, invitations)), tuple(filter(None, registrations)), found[-1]

    def sending(self) -> Sending:
        return self._get(Sending, self._sent, keys.sending()) or Sending()

    def address_holder(self, event_id: str, email: str) -> str | None:
        """The id of the registration that has this address at the event."""
        lock = self._item(self._people, keys.address(event_id, email))
        return None if lock is None else str(lock["registration_id"])

    def address_owner(self, event_id: str, email: str) -> Registration | None:
        """The registration that has this address at the event."""
        holder = self.address_holder(event_id, email)
        person = None if holder is None else self.registration(event_id, holder)
        return person if person is not None and folded(person.email) == folded(email) else None

    def first_waiting(self, event_id: str, after: str = "") -> str | None:
        """The id of the registration that is first on the waitlist, or first behind the one with the id ``after``."""
        first, last = keys.waiting(event_id, after), keys.waiting(event_id, "~")
        query = dynamo.between(self._people, first, last, start=not after, Limit=1)
        rows = self.client.query(**query)["Items"]
        return str(dynamo.unwire(rows[0])["registration_id"]) if rows else None

    def waiting_before(self, event_id: str, registration_id: str) -> int:
        """How many have a place on the waitlist before this registration."""
        first, last = keys.waiting(event_id, ""), keys.waiting(event_id, registration_id)
        query = dynamo.between(self._people, first, last, start=True, ProjectionExpression="sk")
        places = [row["sk"] for row in self._rows(query)]
        return len(places) - (last["sk"] in places)

    def invitations(
        self, event_id: str, after: str, limit: int | None, through: str | None = None
    ) -> tuple[Invitation, ...]:
        rows = spread.invitations(self.client, self._sent, event_id, after, through or spread.LAST, limit=limit)
        return tuple(codec.read(Invitation, row) for row in rows)

    def invitation_ids(self, event_id: str, after: str, limit: int) -> tuple[str, ...]:
        rows = spread.invitations(self.client, self._sent, event_id, after, limit=limit, ProjectionExpression="sk")
        return tuple(row["sk"].removeprefix(keys.REGISTRATION_PREFIX) for row in rows)

    def registrations(self, event_id: str, after: str, through: str) -> tuple[Registration, ...]:
        return tuple(self._all(Registration, self._between(event_id, after, through)))

    def some_registrations(self, event_id: str, after: str, limit: int) -> tuple[Registration, ...]:
        """The next ``limit`` registrations of the event after the id ``after``, in order."""
        return tuple(islice(self._all(Registration, self._between(event_id, after) | {"Limit": limit}), limit))

    def everybody(
        self, event_id: str, after: str = "", *, latest_first: bool = False
    ) -> Iterator[tuple[Registration, Invitation]]:
        """The event's registrations after the id ``after``, in order of arrival, or against it from the latest on; each
        with its invitation. An invitation is read before its registration.

        Ten thousand registrations take about 5,300 read units.
        """
        walk = spread.latest_invitations if latest_first else spread.invitations
        rows = walk(self.client, self._sent, event_id, after, at_once=BATCH_SIZE)
        while invitations := [codec.read(Invitation, row) for row in islice(rows, BATCH_SIZE)]:
            ids = [invitation.registration_id for invitation in invitations]
            first, last = min(ids), max(ids)
            span = dynamo.between(
                self._people, keys.registration(event_id, first), keys.registration(event_id, last), start=True
            )
            people = {person.registration_id: person for person in self._all(Registration, span)}
            for invitation in invitations:
                if person := people.get(invitation.registration_id):
                    yield person, invitation

    def events(self, after: str) -> tuple[tuple[str, ...], str | None]:
        """A page of all events' ids, in no order, and where the next page begins. The index may lag by moments.

        ``after`` is what the page before returned as the start of the next, or empty.
        """
        scan: dict[str, Any] = {"TableName": self._people, "IndexName": keys.ACCOUNT_INDEX}
        if after:
            scan["ExclusiveStartKey"] = json.loads(after)
        answer = self.client.scan(**scan, ProjectionExpression="pk")
        found = tuple(keys.event_id_of(dynamo.unwire(item)["pk"]) for item in answer["Items"])
        following = answer.get("LastEvaluatedKey")
        return found, json.dumps(following) if following else None

    def due(self, shard: str, priority: int, now: datetime, limit: int) -> tuple[Due, ...]:
        """Up to ``limit`` items of one priority and shard that are due by ``now``, the earliest due key first."""
        span = ("due_key", f"{priority}#", keys.due_key(priority, now))
        query = dynamo.of_index(self._sent, keys.DUE_INDEX, ("due_shard", shard), span, Limit=limit)
        answer = self.client.query(**query)
        return tuple(_due(dynamo.unwire(item)) for item in answer["Items"])

    def waiting_fan_outs(self, now: datetime) -> int:
        """How many fan-outs wait for further changes at ``now`` (UTC)."""
        span = ("due_key", keys.due_key(CHANGE, now), keys.due_key(CHANGE, now + LONGEST))
        queries = [dynamo.of_index(self._sent, keys.DUE_INDEX, ("due_shard", each), span) for each in keys.TASK_SHARDS]
        return sum(row["sk"] == keys.FAN_OUT for query in queries for row in self._rows(query))

    # --- lists for the API --------------------------------------------------------------------------------------

    def list_registrations(
        self,
        event_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        status: RegistrationStatus | None = None,
        latest_first: bool = False,
    ) -> Page:
        """A page of the event's registrations in order of arrival, or from the latest on, as pairs of registration and
        invitation.
        """
        identity = f"registrations of {event_id}, {status or 'all'}{', latest first' if latest_first else ''}"
        position = "" if cursor is None else decode_cursor(identity, cursor, r"[0-9a-z]+")
        query = (self._latest if latest_first else self._between)(event_id, position)
        query["Limit"] = FILTERED_PAGE_SIZE if status else limit + 1
        query |= dynamo.with_values(query, {"status": status and status.value})
        listed = page(self._all(Registration, query), limit, identity, lambda person: person.registration_id)
        wanted = (keys.invitation(event_id, person.registration_id) for person in listed.items)
        pairs = zip(listed.items, self._read_all(Invitation, self._sent, wanted), strict=True)
        return Page(items=tuple((person, invited) for person, invited in pairs if invited), next=listed.next)

    def list_messages(self, invitation: Invitation, *, limit: int, cursor: str | None = None) -> Page:
        """A page of an attendee's messages in order of SEQUENCE, as :class:`StoredMessage` without the rendered
        mails.
        """
        registration_id = invitation.registration_id
        identity = f"messages of {registration_id}"
        query = self._message_query(registration_id) | {"Limit": limit + 1}
        if cursor is not None:
            position = decode_cursor(identity, cursor, r"[0-9]{1,10}")
            query["ExclusiveStartKey"] = dynamo.wire(keys.message(registration_id, int(position)))
        # The one after the page has what became of its last.
        found = with_outcomes(islice(self._all(StoredMessage, query), limit + 1), invitation)
        return page(found, limit, identity, lambda one: str(one.calendar_state.sequence))

    # --- how it is read -----------------------------------------------------------------------------------------

    def _message_query(self, registration_id: str) -> dict[str, Any]:
        """The query for an attendee's stored messages, without the rendered mails, which are large."""
        return dynamo.starting_with(
            self._sent,
            keys.first_message(registration_id),
            ProjectionExpression="pk, sk, registration_id, event_id, calendar_state, written_at, sent_at, ses_id, "
            "#state, reason, previous",
            ExpressionAttributeNames={"#state": "state"},
        )

    def _between(self, event_id: str, after: str, through: str = spread.LAST) -> dict[str, Any]:
        """The query for the event's registrations with an id greater than ``after`` and up to ``through``, in order."""
        first, last = keys.registration(event_id, after), keys.registration(event_id, through)
        return dynamo.between(self._people, first, last, start=not after)

    def _latest(self, event_id: str, before: str) -> dict[str, Any]:
        """The query for the event's registrations, those with an id less than ``before`` if that is given, the
        greatest first.
        """
        query = self._between(event_id, "") | {"ScanIndexForward": False}
        if before:
            query["ExclusiveStartKey"] = dynamo.wire(keys.registration(event_id, before))
        return query

    def _read_all(self, cls: type[Stored], table: str, wanted: Iterable[keys.Key]) -> list[Stored | None]:
        """Items by their keys, strongly consistent, in the order of the keys; ``None`` where there is none."""
        return self._get_each(*((cls, table, key) for key in wanted))


def _due(item: Item) -> Due:
    event_id = keys.event_id_of(item["pk"])
    kind, _, about = item["sk"].partition("#")
    if kind == DueKind.BATCH.upper():
        version, _, first = about.partition("#")
        return Due(
            kind=DueKind.BATCH,
            event_id=event_id,
            registration_id=first,
            version=int(version),
            due_key=item["due_key"],
        )
    registration_id, _, notification_id = about.partition("#")
    return Due(
        kind=DueKind(kind.lower()),
        event_id=event_id,
        registration_id=registration_id,
        notification_id=notification_id,
        due_key=item["due_key"],
    )
