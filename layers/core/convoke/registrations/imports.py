"""Importing people: registering those of an import, part by part, in the order of their lines.

A worker may die at any step, come twice, or come late. Each person's registration has an id that is made of the import
and the number of their line, so that whoever looks at a line again finds what was registered for it; and a part is
counted in the write that ends it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..model import Event, EventStatus, Registration, RegistrationStatus, folded, frozen
from ..schedule import series
from ..store import dynamo, keys
from ..store.external_ids import Taken
from ..store.imports import Import, ImportedPerson, Wrong
from ..store.store import Store
from . import bulk
from .bulk import Registered
from .registry import Obstacle, TooMany

PATIENCE = timedelta(days=3)
"""For how long somebody waits whose limit of mails is reached; after that their line is refused."""
LIMITED = "too many mails went to this address"
LEFT = "withdrew from this event, or was turned down: add them by hand if they come after all"
CANCELLED = "the event is cancelled"
OVER = "the event is over"


@frozen
class Reason:
    """Why a line cannot be imported: the field that is wrong, as the API names it, or nothing; and what is wrong."""

    field: str
    why: str


Check = Callable[[Event, Mapping[str, Any], datetime, bytes], Registration | Reason]
"""The registration that a body asks for at an instant (UTC), with an id of 16 bytes, or why there is none."""


class Progress(StrEnum):
    """What a worker left behind."""

    NOTHING = "nothing to do"
    ENDED = "ended"
    AGAIN = "to be continued"
    WAITS = "waits for a limit"
    OVERTAKEN = "another worker has it"


def entropy(import_id: str, line: int) -> bytes:
    """The 16 bytes of the id of the registration for a line: in the order of the lines, the same each time."""
    return line.to_bytes(4, "big") + hashlib.sha256(f"{import_id}#{line}".encode()).digest()[:12]


def work(
    store: Store,
    event_id: str,
    import_id: str,
    *,
    check: Check,
    lease: timedelta,
    clock: Callable[[], datetime],
    out_of_time: Callable[[], bool],
) -> Progress:
    """Go on with an import until it is over, has to wait, or there is no more time. ``lease`` is for how long no other
    worker may have it: longer than this one runs.
    """
    began = clock()
    one = store.imports.claim(event_id, import_id, lease_until=began + lease, now=began)
    if one is None:
        return Progress.NOTHING
    while one.next_part < one.parts:
        ended = _next_part(store, one, check, clock(), out_of_time)
        if isinstance(ended, Progress):
            return ended
        one = ended
    return Progress.ENDED if store.imports.finish(one, clock()) else Progress.OVERTAKEN


def _next_part(
    store: Store, one: Import, check: Check, now: datetime, out_of_time: Callable[[], bool]
) -> Import | Progress:
    """Register the people of the next part, and count them; what the import is then, or why this worker stops."""
    held = store.reads.sending().held_until(one.account, now)
    if held is not None:
        return Progress.WAITS if store.imports.wait(one, held) else Progress.OVERTAKEN
    lines = store.imports.part(one, now)
    found = _registered(store, one, lines, check, now, out_of_time)
    if found.unfinished:
        return Progress.AGAIN if store.imports.give_back(one, now) else Progress.OVERTAKEN
    if found.limited and one.next_part + 1 == one.parts:
        return Progress.WAITS if store.imports.wait(one, min(found.limited.values())) else Progress.OVERTAKEN
    # Whoever has to wait holds nobody up: they come after all others.
    later = [line for line in lines if line["line"] in found.limited]
    return store.imports.end_part(one, found.counts, found.wrong, later, now) or Progress.OVERTAKEN


@frozen
class _Found:
    """What became of a part's people: counts by the names of :class:`Import`, those who cannot be registered, and by
    their lines until when others have to wait. ``unfinished``: some were not worked on.
    """

    counts: Mapping[str, int]
    wrong: tuple[Wrong, ...]
    limited: Mapping[int, datetime]
    unfinished: bool


def _registered(
    store: Store,
    one: Import,
    lines: Sequence[ImportedPerson],
    check: Check,
    now: datetime,
    out_of_time: Callable[[], bool],
) -> _Found:
    counts, wrong, limited, unfinished = Counter[str](), list[Wrong](), dict[int, datetime](), False
    began = one.started_at or now
    ids = {line["line"]: keys.registration_id(began, entropy(one.import_id, line["line"])) for line in lines}
    before = store.imports.own(one.event_id, list(ids.values()))
    counts.update(_count_of(person) for person in before.values())
    event = store.reads.event(one.event_id)
    people: list[tuple[int, Registration]] = []
    for line in lines:
        if ids[line["line"]] in before:
            continue
        checked = _checked(event, one, line, check, now)
        if isinstance(checked, Reason):
            wrong.append((line["line"], checked.field, checked.why))
        else:
            people.append((line["line"], checked))
    # Looked at anew: the import may have begun days ago.
    gone = store.imports.left_among(one.account, one.event_id, [person.email for _, person in people])
    wrong += [(line_number, "", LEFT) for line_number, person in people if folded(person.email) in gone]
    people = [(line_number, person) for line_number, person in people if folded(person.email) not in gone]
    outcomes = []
    if event is not None and people:
        new = [person for _, person in people]
        outcomes = bulk.register_all(store, event, new, now=now, out_of_time=out_of_time, again=False)
    for (line_number, _), outcome in zip(people, outcomes, strict=True):
        match outcome:
            case Registered(existing=True):
                counts["existing"] += 1
            case Registered(registration=person):
                counts[_count_of(person)] += 1
            case TooMany(until=until) if now - began <= PATIENCE:
                limited[line_number] = until
            case TooMany():
                wrong.append((line_number, "email", LIMITED))
            case Taken():
                wrong.append((line_number, "external_id", "is that of another registration"))
            case bulk.OutOfTime() | dynamo.Contention() | Obstacle.NOT_YET:
                unfinished = True
            case _:
                wrong.append((line_number, "", outcome.value))
    counts["refused"] += len(wrong)
    return _Found(counts=counts, wrong=tuple(wrong), limited=limited, unfinished=unfinished)


def _checked(
    event: Event | None, one: Import, line: ImportedPerson, check: Check, now: datetime
) -> Registration | Reason:
    if event is None or event.status is EventStatus.CANCELLED:
        return Reason(field="", why=CANCELLED)
    if series.ends_at(event) <= now:
        return Reason(field="", why=OVER)
    return check(event, line["body"], one.started_at or now, entropy(one.import_id, line["line"]))


def _count_of(person: Registration) -> str:
    return "waitlisted" if person.status is RegistrationStatus.WAITLISTED else "registered"
