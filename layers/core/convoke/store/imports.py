"""Imports of people: what was uploaded, until it is imported or a day is over; and how far an import is.

An import is one item beside its event. What it reads and writes is in items of its own, each of at most
:data:`LARGEST` bytes: pieces of the uploaded text, parts of some people, and the lines that are wrong. All have a time
after which DynamoDB removes them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..decision.decide import INVITATION
from ..model import Registration, RegistrationStatus, folded, frozen
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Repository
from .writes import DUE, Action, delete, mark, put, update

UPLOADED_KEPT = timedelta(days=1)
"""How long is kept what was uploaded, and the lines that were wrong once an import is over."""
RUNS_AT_MOST = timedelta(days=4)
"""How long is kept what an import still has to do."""
KEPT = timedelta(days=90)
"""How long is kept who imported when, and how many."""
LARGEST = 250_000
"""Bytes of a piece before it is compressed: an item has at most 400 KB."""
IN_A_PART = 100
"""How many people are registered between two counts."""
LOOKED_THROUGH = 30_000
"""Among how many registrations of an event one looks for those that were withdrawn."""

ImportedPerson = dict[str, Any]
"""Somebody to be registered: ``line``, the number of their line, and ``body``, as the API has it."""
Wrong = tuple[int, str, str]
"""The number of a line that was not imported, the field that is wrong, or nothing, and the reason."""


@frozen
class Import:
    """An import of people to an event. Instants are UTC.

    ``by`` is the name of whoever is signed in, ``file`` that of the file, if it was one. ``columns`` says what each
    column is about, once that is confirmed; ``head``, whether the first line is a heading. ``parts`` is how many there
    are, ``next_part`` the number of the one to be worked on, ``run`` names those of this beginning. ``people`` is how
    many are to be registered; what became of them is counted at the end of each part: ``refused`` could not be. Of the
    other lines ``wrong`` have something that a registration may not have, ``twice`` an address that came before, and
    ``left_out`` are of people who withdrew, by the file or from this event, or were turned down. ``waits_until`` is
    when it goes on, where a limit of mails is reached.
    """

    event_id: str
    import_id: str
    account: str
    by: str
    file: str = ""
    created_at: datetime
    lines: int
    head: bool = False
    columns: tuple[str, ...] = ()
    run: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    waits_until: datetime | None = None
    lease_until: datetime | None = None
    parts: int = 0
    next_part: int = 0
    people: int = 0
    registered: int = 0
    waitlisted: int = 0
    existing: int = 0
    twice: int = 0
    left_out: int = 0
    wrong: int = 0
    refused: int = 0

    @property
    def done(self) -> int:
        """How many of ``people`` have been worked on."""
        return self.registered + self.waitlisted + self.existing + self.refused

    @property
    def not_imported(self) -> int:
        """How many lines are kept with the reason why they were not imported."""
        return self.wrong + self.twice + self.refused


codec.record(Import)


class Imports(Repository):
    # --- what was uploaded --------------------------------------------------------------------------------------

    def create(self, one: Import, text: str) -> None:
        until = one.created_at + UPLOADED_KEPT
        for number, piece in enumerate(_pieces(text.encode("utf-8", "surrogatepass"))):
            self._put(one.import_id, f"TEXT#{number:03}", piece, until)
        item = codec.item(one, keys.imported(one.event_id, one.import_id), expires_at=codec.epoch(until))
        self._write(put(self._sent, item, conditions.NEW))

    def text(self, import_id: str, now: datetime) -> str | None:
        """What was uploaded; ``None`` where it is not kept any more."""
        pieces = list(self._contents(import_id, "TEXT#", now))
        return b"".join(pieces).decode("utf-8", "surrogatepass") if pieces else None

    def read(self, event_id: str, import_id: str, now: datetime) -> Import | None:
        return self._get(Import, self._sent, keys.imported(event_id, import_id), now=now)

    def latest(self, event_id: str, limit: int) -> list[Import]:
        """The latest imports that have begun, the latest first."""
        query = dynamo.starting_with(self._sent, keys.imported(event_id, ""), ScanIndexForward=False, Limit=5 * limit)
        found = (codec.read(Import, dynamo.unwire(item)) for item in self.client.query(**query)["Items"])
        return [one for one in found if one.started_at][:limit]

    def match(self, one: Import, columns: tuple[str, ...], *, head: bool) -> bool:
        """Store what the columns are about. False: the import has begun."""
        changes = {"columns": list(columns), "head": head}
        return self._write(update(self._sent, _key(one), changes, conditions.NOT_BEGUN))

    # --- beginning ----------------------------------------------------------------------------------------------

    def begin(self, one: Import, people: Sequence[ImportedPerson], wrong: Sequence[Wrong], *, due_key: str) -> bool:
        """Begin with ``one``, which has its ``started_at``, ``run`` and counts, except how many parts. False: it has
        begun before.

        The parts are written first, under the name of this run, so that whatever has begun has all of them.
        """
        if one.started_at is None:
            raise ValueError("started_at is missing")
        until = one.started_at + RUNS_AT_MOST
        parts = list(_parts(people))
        for number, part in enumerate(parts):
            self._put(one.import_id, _part(one, number), _json(part), until)
        for number, some in enumerate(_parts(wrong)):
            self._put(one.import_id, f"WRONG#{one.run}#-{number:03}", _json(some), until)
        stored = codec.item(one, {})
        names = ("started_at", "run", "people", "twice", "left_out", "wrong", "head")
        changes = {name: stored[name] for name in names} | {
            "parts": len(parts),
            "expires_at": codec.epoch(one.started_at + KEPT),
            **codec.task_attributes(one.import_id, due_key),
        }
        begun = self._write(update(self._sent, _key(one), changes, conditions.NOT_BEGUN))
        if begun:
            self._keep_until(one.import_id, "TEXT#", until)
        else:
            for prefix in (f"PART#{one.run}#", f"WRONG#{one.run}#"):
                self._keep_until(one.import_id, prefix, None)
        return begun

    # --- working ------------------------------------------------------------------------------------------------

    def claim(self, event_id: str, import_id: str, *, lease_until: datetime, now: datetime) -> Import | None:
        """Take the lease on an import. ``None``: there is nothing to do, or another worker has it."""
        one = self.read(event_id, import_id, now)
        if one is None:
            return None
        mine = {"lease_until": keys.instant(lease_until), **mark()}
        action = update(
            self._sent,
            _key(one),
            {**mine, "due_key": keys.due_key(INVITATION, lease_until)},
            conditions.CAN_GO_ON,
            remove=("waits_until",),
            now=keys.instant(now),
        )
        if not self._write_own(action, mine):
            return None
        # Read again: another worker may have ended a part between the read and the claim.
        return self.read(event_id, import_id, now)

    def part(self, one: Import, now: datetime) -> list[ImportedPerson]:
        """The people of the next part."""
        found = self._contents(one.import_id, _part(one, one.next_part), now)
        return [line for content in found for line in json.loads(content)]

    def end_part(
        self,
        one: Import,
        counts: Mapping[str, int],
        wrong: Sequence[Wrong],
        later: Sequence[ImportedPerson],
        now: datetime,
    ) -> Import | None:
        """End the next part: count, keep what is wrong, and put ``later``, whose limit of mails is reached, into a new
        part at the end. Returns the import as it is then; ``None``: another worker has it.
        """
        until = now + RUNS_AT_MOST
        name = _part(one, one.next_part)
        actions = {"part": delete(self._sent, keys.import_content(one.import_id, name))}
        if wrong:
            key = f"WRONG#{one.run}#{one.next_part:04}"
            actions["wrong"] = self._put_action(one.import_id, key, _json(wrong), until)
        if later:
            actions["later"] = self._put_action(one.import_id, _part(one, one.parts), _json(later), until)
        add = {"next_part": 1, "parts": int(bool(later)), **counts}
        actions["import"] = update(
            self._sent,
            _key(one),
            {},
            conditions.AT_THIS_PART,
            add={name: count for name, count in add.items() if count},
            lease_until=codec.value(one.lease_until),
            next_part=one.next_part,
        )
        return None if self._attempt(actions) else self.read(one.event_id, one.import_id, now)

    def give_back(self, one: Import, now: datetime) -> bool:
        """Let another worker go on at once."""
        return self._leave(one, {"due_key": keys.due_key(INVITATION, now)})

    def wait(self, one: Import, until: datetime) -> bool:
        """Let it wait until then."""
        return self._leave(one, {"due_key": keys.due_key(INVITATION, until), "waits_until": keys.instant(until)})

    def finish(self, one: Import, now: datetime) -> bool:
        """End the import, all parts of which have ended. What was uploaded is deleted first, or kept for a day where
        lines were wrong: a worker that dies here is followed by one that does it.
        """
        # Parts are left over of somebody who began it at the same time, and never came to an end.
        self._keep_until(one.import_id, "PART#", None)
        kept = now + UPLOADED_KEPT
        for prefix in ("TEXT#", "WRONG#"):
            self._keep_until(one.import_id, prefix, kept if one.not_imported else None)
        return self._leave(one, {"finished_at": keys.instant(now)}, remove=("waits_until", *DUE))

    def _leave(self, one: Import, changes: Mapping[str, Any], remove: tuple[str, ...] = ()) -> bool:
        lease, mine = {"lease_until": codec.value(one.lease_until)}, {**changes, **mark()}
        remove = ("lease_until", *remove)
        return self._write_own(
            update(self._sent, _key(one), mine, conditions.LEASE_IS_MINE, remove=remove, **lease), mine
        )

    def wrong(self, one: Import, now: datetime) -> list[Wrong]:
        """The lines that were not imported, in their order."""
        found = self._contents(one.import_id, f"WRONG#{one.run}#", now)
        return sorted((number, field, why) for content in found for number, field, why in json.loads(content))

    # --- who is there already -----------------------------------------------------------------------------------

    def own(self, event_id: str, ids: Sequence[str]) -> dict[str, Registration]:
        """Those of the registrations that exist, by id."""
        found = self._some(keys.registration(event_id, one) for one in ids)
        people = [codec.read(Registration, item) for item in found.values()]
        return {person.registration_id: person for person in people}

    def holders(self, event_id: str, emails: Iterable[str]) -> dict[str, str]:
        """Which registration has each of the addresses; those that none has are left out."""
        wanted = {keys.address(event_id, email)["sk"]: email for email in emails}
        found = self._some({"pk": keys.event(event_id)["pk"], "sk": key} for key in wanted)
        return {wanted[key]: str(item["registration_id"]) for key, item in found.items()}

    def left_among(self, account: str, event_id: str, emails: Iterable[str]) -> set[str]:
        """Those of the addresses, as :func:`folded`, that nobody is registered with any more: their registrations of
        the event were withdrawn, or turned down. They are found by an index, which may lag by moments.
        """
        wanted = {folded(email): email for email in emails}
        registered = {folded(email) for email in self.holders(event_id, wanted.values())}
        return {email for email in wanted.keys() - registered if self._left(account, event_id, email)}

    def _left(self, account: str, event_id: str, email: str) -> bool:
        # One query for each: an index has no read of many keys, and the lock on an address goes with its registration.
        query = dynamo.of_index(self._people, keys.PERSON_INDEX, ("person", keys.person(account, email)))
        found = [row for row in self._rows(query) if keys.event_id_of(row["pk"]) == event_id]
        people = self.own(event_id, [row["sk"].removeprefix(keys.REGISTRATION_PREFIX) for row in found]).values()
        return any(person.status is RegistrationStatus.CANCELLED and folded(person.email) == email for person in people)

    def all_left(self, event_id: str) -> set[str]:
        """The addresses, as :func:`folded`, of registrations of the event that were withdrawn or turned down; of a very
        large event of the first :data:`LOOKED_THROUGH` only. An import looks at each of its people again
        (:meth:`left_among`).
        """
        query = dynamo.starting_with(self._people, keys.registration(event_id, ""))
        query |= {"ProjectionExpression": "#email, #status"}
        query["ExpressionAttributeNames"] = {"#email": "email", "#status": "status"}
        rows = islice(self._rows(query), LOOKED_THROUGH)
        gone = RegistrationStatus.CANCELLED.value
        return {folded(str(row["email"])) for row in rows if row["status"] == gone and row.get("email")}

    def external_holders(self, event_id: str, external_ids: Iterable[str]) -> dict[str, str]:
        """Which registration has each of the external ids; those that none has are left out."""
        wanted = {keys.external_registration(event_id, one)["sk"]: one for one in external_ids}
        found = self._some({"pk": keys.event(event_id)["pk"], "sk": key} for key in wanted)
        return {wanted[key]: str(item["holder"]) for key, item in found.items()}

    def _some(self, wanted: Iterable[keys.Key]) -> dict[str, Item]:
        """Items of the registrations table by their sort keys, strongly consistent."""
        items = dynamo.get_each(self.client, [(self._people, key) for key in wanted])
        return {item["sk"]: item for item in items if item is not None}

    # --- pieces -------------------------------------------------------------------------------------------------

    def _put_action(self, import_id: str, what: str, content: bytes, until: datetime) -> Action:
        item = {
            **keys.import_content(import_id, what),
            "content": zlib.compress(content),
            "expires_at": codec.epoch(until),
        }
        return put(self._sent, item)

    def _put(self, import_id: str, what: str, content: bytes, until: datetime) -> None:
        self._write(self._put_action(import_id, what, content, until))

    def _contents(self, import_id: str, prefix: str, now: datetime) -> Iterator[bytes]:
        query = dynamo.starting_with(self._sent, keys.import_content(import_id, prefix))
        for item in self._rows(query):
            if int(item["expires_at"]) > now.timestamp():
                yield zlib.decompress(item["content"])

    def _keep_until(self, import_id: str, prefix: str, until: datetime | None) -> None:
        """Keep the pieces until then; delete them where that is ``None``."""
        first = keys.import_content(import_id, prefix)
        if until is None:
            self._delete_all(self._sent, first)
            return
        for key in list(self._rows(dynamo.starting_with(self._sent, first, ProjectionExpression="pk, sk"))):
            self._write(update(self._sent, key, {"expires_at": codec.epoch(until)}))


def _key(one: Import) -> keys.Key:
    return keys.imported(one.event_id, one.import_id)


def _part(one: Import, number: int) -> str:
    return f"PART#{one.run}#{number:04}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _pieces(content: bytes) -> Iterator[bytes]:
    for first in range(0, len(content), LARGEST):
        yield content[first : first + LARGEST]


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    """``values`` in their order, at most :data:`IN_A_PART` and so many bytes together."""
    part: list[Any] = []
    size = 0
    for value in values:
        more = len(_json(value))
        if part and (len(part) == IN_A_PART or size + more > LARGEST):
            yield part
            part, size = [], 0
        part.append(value)
        size += more
    if part:
        yield part
