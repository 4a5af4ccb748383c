"""Judges what became of a site's table: by what it says and said before, the registrations, and what SES accepted."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from convoke.model import EventStatus, Registration, RegistrationStatus
from convoke.store import keys

from .checker import Book, Violation
from .rows import SOURCE, Rows, Said
from .scene import ACCOUNT
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
    if not book.over:
        yield from (Violation("rows", what) for what in _problems(world, book, rows, mine))
    for user, people in mine.items():
        truths = sorted((truth for person in people for truth in _truths(world, rows, person)), key=itemgetter(0))
        yield from (Violation("rows", what) for what in _in_its_order(user, rows.said[user], truths))
        lives = sum(not before.comes and now.comes for before, now in _steps(rows.said[user]))
        lives += len(_left(rows, people))
        if len(people) > lives:
            yield Violation("rows", f"{user} was registered {len(people)} times, and came {lives} times")
    yield from (Violation("brake", what) for what in _brake(world, rows, mine))


def _user(person: Registration) -> str:
    """Whose row it is: the last part of the row's key."""
    return (person.external_id or "").rpartition(",")[2].strip('"]')


def _problems(world: World, book: Book, rows: Rows, mine: dict[str, list[Registration]]) -> Iterator[str]:
    """Each problem that is listed is true, and each that there is is listed: somebody waits for an address."""
    listed = world.store.sources.list_problems(ACCOUNT, SOURCE.name, limit=100).items
    named = {json.loads(one.key)["sk"]["S"] for one in listed}
    coming, holders = _coming(rows), _holders(mine)
    waiting = {user for user in coming if holders.get(coming[user]) != user and _waits(user, coming, holders)}
    absent = _may_be_absent(rows, mine)
    named, waiting = named - absent, waiting - absent
    if book.event.status is EventStatus.CANCELLED:
        waiting &= named  # a row may wait for the event as well, as long as that does not take place
    if named != waiting:
        yield f"{sorted(waiting)} wait for an address, and problems of {sorted(named)} are listed"


def _steps(said: list[Said]) -> Iterator[tuple[Said, Said]]:
    before = Said(0.0, there=False, comes=False, email="")
    for now in said:
        yield before, now
        before = now


def _truths(world: World, rows: Rows, person: Registration) -> Iterator[Truth]:
    """What was true of somebody, without what they did themselves."""
    left, by_themselves = _left(rows, [person]), False
    for at, ((status, email),) in world.truths[f"{keys.REGISTRATION_PREFIX}{person.registration_id}"]:
        comes = status is RegistrationStatus.REGISTERED
        by_themselves = not comes and (by_themselves or any(began <= at <= ended for began, ended in left))
        if not by_themselves:
            yield at, comes, email


def _left(rows: Rows, people: list[Registration]) -> list[tuple[float, float]]:
    """From when until when somebody was about to withdraw by themselves."""
    mine = {person.registration_id for person in people}
    return [(began, ended) for rid, began, ended in rows.left if rid in mine]


def _may_be_absent(rows: Rows, mine: dict[str, list[Registration]]) -> set[str]:
    """Who withdrew by themselves, and whose row has said nothing since that it had not said before."""
    absent = set()
    for user, people in mine.items():
        for _, left in _left(rows, people):
            before = {one.email for one in rows.said[user] if one.at <= left}
            if rows.now(user).at <= left or rows.now(user).email in before:
                absent.add(user)
    return absent


def _as_the_table_says(book: Book, rows: Rows, mine: dict[str, list[Registration]]) -> Iterator[str]:
    coming, standing, holders = _coming(rows), _standing(mine), _holders(mine)
    registered = {person.email for people in standing.values() for person in people}
    absent = _may_be_absent(rows, mine)
    for user, email in coming.items():
        if user in absent:
            continue
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


def _coming(rows: Rows) -> dict[str, str]:
    """The address that each row says of whoever comes."""
    return {user: rows.now(user).email for user in rows.said if rows.now(user).comes}


def _standing(mine: dict[str, list[Registration]]) -> dict[str, list[Registration]]:
    """Those of each row who are registered."""
    return {
        user: [person for person in people if person.status is RegistrationStatus.REGISTERED]
        for user, people in mine.items()
    }


def _holders(mine: dict[str, list[Registration]]) -> dict[str, str]:
    """Whose row each address belongs to that is registered."""
    return {person.email: user for user, people in _standing(mine).items() for person in people}


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
            truths = list(_truths(world, rows, person))
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
