"""Judges what became of a site's table: by what it says and said before, the registrations, and what SES accepted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from convoke.model import EventStatus, Registration, RegistrationStatus
from convoke.store import keys

from .checker import Book, Violation
from .rows import Rows, Said
from .world import World

WINDOW = 600.0
"""Seconds within which rows that disappear count together at least."""

Truth = tuple[float, bool, str]
"""A moment, whether somebody is registered, and under which address."""


def rows_at_the_end(world: World, rows: Rows, differences: int) -> Iterator[Violation]:
    """Once all is quiet, everybody has in their calendar what the site's table says; and on the way there nobody was
    told anything that the table had ceased to say before, or twice.
    """
    book = Book(world)
    if differences:
        yield Violation("rows", f"{differences} rows are different after all comparisons")
    mine: dict[str, list[Registration]] = defaultdict(list)
    for person, _ in book.people.values():
        mine[_user(person)].append(person)
    if not book.over and book.event.status is not EventStatus.CANCELLED:
        yield from (Violation("rows", what) for what in _as_the_table_says(book, rows, mine))
    for user, people in mine.items():
        truths = sorted((truth for person in people for truth in _truths(world, person)), key=itemgetter(0))
        yield from (Violation("rows", what) for what in _in_its_order(user, rows.said[user], truths))
        lives = sum(not before.comes and now.comes for before, now in _steps(rows.said[user]))
        if len(people) > lives:
            yield Violation("rows", f"{user} was registered {len(people)} times, and came {lives} times")
    yield from (Violation("brake", what) for what in _brake(world, rows, mine))


def _user(person: Registration) -> str:
    """Whose row it is: the last part of the row's key."""
    return (person.external_id or "").rpartition(",")[2].strip('"]')


def _steps(said: list[Said]) -> Iterator[tuple[Said, Said]]:
    before = Said(0.0, there=False, comes=False, email="")
    for now in said:
        yield before, now
        before = now


def _truths(world: World, person: Registration) -> Iterator[Truth]:
    for at, ((status, email),) in world.truths[f"{keys.REGISTRATION_PREFIX}{person.registration_id}"]:
        yield at, status is RegistrationStatus.REGISTERED, email


def _as_the_table_says(book: Book, rows: Rows, mine: dict[str, list[Registration]]) -> Iterator[str]:
    coming = {user: rows.now(user).email for user in rows.said if rows.now(user).comes}
    standing = {
        user: [person for person in people if person.status is RegistrationStatus.REGISTERED]
        for user, people in mine.items()
    }
    registered = {person.email for people in standing.values() for person in people}
    holders = {person.email: user for user, people in standing.items() for person in people}
    for user, email in coming.items():
        if email not in registered:
            yield f"{user} comes as {email}, which is not registered"
        told = [person.email for person in standing.get(user, ())]
        if told != [email] and not _waits(user, coming, holders):
            yield f"{user} comes as {email}, and is registered as {told}"
    for user, people in standing.items():
        if user not in coming and people:
            yield f"{user} does not come, and is registered as {[person.email for person in people]}"
        for person in people:
            if wrong := book.untrue(person.registration_id):
                yield f"{user} {wrong}"


def _waits(user: str, coming: dict[str, str], holders: dict[str, str]) -> bool:
    """Whether somebody else has the address that the row of ``user`` says, and cannot give it up: their row says it as
    well, or waits itself.
    """
    seen: list[str] = []
    while user not in seen:
        seen.append(user)
        holder = holders.get(coming[user])
        if holder is None or holder not in coming or holder == user:
            return False
        if coming[holder] == coming[user]:
            return True
        user = holder
    return False  # a circle, which is exchanged


def _in_its_order(user: str, said: list[Said], truths: list[Truth]) -> Iterator[str]:
    """What is registered goes through what the row has said, and never back."""
    begun = 0
    for at, comes, email in truths:
        found = next(
            (
                number
                for number in range(begun, len(said))
                if said[number].at <= at and (said[number].email == email if comes else not said[number].comes)
            ),
            None,
        )
        if found is None:
            yield f"{user} is registered as {comes, email}, after {said[begun] if said else None}"
            return
        begun = found


def _brake(world: World, rows: Rows, mine: dict[str, list[Registration]]) -> Iterator[str]:
    """Of rows that disappear within ten minutes, few are followed until somebody has confirmed it."""
    gone = []
    for user, people in mine.items():
        for person in people:
            truths = list(_truths(world, person))
            for (_, was, _), (at, comes, _) in pairwise(truths):
                confirmed = rows.confirmed_at is not None and at >= rows.confirmed_at
                if was and not comes and not confirmed and _disappeared(rows.said[user], at):
                    gone.append(at)
    for first in gone:
        count = sum(first <= at < first + WINDOW for at in gone)
        if count > rows.brake:
            yield f"{count} people are told that they do not come, since rows are gone"
            return


def _disappeared(said: list[Said], at: float) -> bool:
    """Whether the row is gone, and never said that somebody does not come."""
    until = [one for one in said if one.at <= at]
    explicit = any(one.there and not one.comes for one in until)
    return bool(until) and not until[-1].there and not explicit
