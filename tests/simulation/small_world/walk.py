"""Through every situation of the small world, with the least trouble first, until a promise is broken or nothing is
left.

Every promise is about one attendee, and two attendees meet in nothing but what all share. So each is walked with beside
them whatever anybody else was seen to do to that, at any moment when one of the two workers is free to do it: every
situation of the whole world is among these, seen from each side. ``whole`` walks the two together, which takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from convoke.model import EventStatus, RegistrationStatus

from .parts import Common, Person
from .turns import Turns

WORKERS = 2
NOBODY = 2
"""Who comes after the two attendees; see ``parts.Person``."""
SIDES = range(3)

Side = tuple[int, int, int]
"""Who, and the numbers of what all share and of what there is of them."""
View = tuple[int, int, int, int, int]
"""A side, and how many changes and faults are left."""
Next = tuple[int, int, int, int, int, bool]
"""Numbers of what all share and of a person; faults and changes spent; workers begun; whether no changes are left."""


class Broken(Exception):
    """A promise is broken in the small world; the steps that lead there are its arguments."""


class Known(list[Any]):
    """What was met so far, each alike but once, under its number."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, one: Any) -> int:
        form = one.form()
        known = self._numbers.get(form)
        if known is None:
            known = self._numbers[form] = len(self)
            self.append(one)
        return known


class Map:
    """What can follow upon what, found out as it is asked for, once."""

    def __init__(self, deeds: tuple[str, ...]) -> None:
        self.turns = Turns(deeds)
        self.commons, self.persons = Known(), tuple(Known() for _ in SIDES)
        self._next: dict[tuple[Side, bool], tuple[Next, ...]] = {}
        self._calm: dict[tuple[Side, bool], tuple[int, int]] = {}
        self._wrong: dict[Side, str] = {}
        common, persons = self.turns.begin()
        self.common = self.commons.number(common)
        self.first = tuple(self.persons[who].number(person) for who, person in enumerate(persons))

    def busy(self, who: int, person: int) -> int:
        return len(self.persons[who][person].workers)

    def next(self, side: Side, final: bool) -> tuple[Next, ...]:
        known = self._next.get((side, final))
        if known is None:
            known = self._next[side, final] = tuple(dict.fromkeys(after for after, _ in self.named(side, final)))
        return known

    def named(self, side: Side, final: bool) -> Iterator[tuple[Next, str]]:
        """All that can happen, and what it is called."""
        who, common, person = side
        for turn in self.turns.of(self.commons[common], self.persons[who][person], final=final):
            # After the last change whatever is left of reading comes to the same now and later.
            for last in {final, final or turn.changes > 0}:
                after = self._calmed(turn.common, who, turn.person, last)
                if after != (common, person) or turn.changes:
                    yield (*after, turn.faults, turn.changes, turn.workers, last), turn.what

    def calm(self, side: Side, final: bool) -> tuple[int, int]:
        """The side after all that may as well come at once."""
        known = self._calm.get((side, final))
        if known is None:
            who, common, person = side
            known = self._calmed(self.commons[common], who, self.persons[who][person], final)
            self._calm[side, final] = known
        return known

    def _calmed(self, common: Common, who: int, person: Person, final: bool) -> tuple[int, int]:
        while (turn := self.turns.hurried(common, person, final=final)) is not None:
            common, person = turn.common, turn.person
        return self.commons.number(common), self.persons[who].number(person)

    def wrong(self, side: Side) -> str:
        """The promise that is broken on this side, or nothing."""
        known = self._wrong.get(side)
        if known is None:
            who, common, person = side
            known = self._wrong[side] = _wrong(self.commons[common], self.persons[who][person])
        return known


def _wrong(common: Common, person: Person) -> str:
    if person.mailbox.wrong or not person.rid:
        return person.mailbox.wrong
    if person.invitation.due_key is not None or (common.fan_out is not None and common.fan_out.cursor < person.rid):
        return ""
    happens = common.event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
    expected = happens and person.registration.status is RegistrationStatus.REGISTERED
    untrue = person.mailbox.untrue(expected, person.registration.email, common.event.title)
    return f"G1: {untrue}, and nothing is owed" if untrue else ""


class Walk:
    """``known`` has the changes and faults that were left wherever a side was met, no fewer of both but once."""

    def __init__(self, deeds: tuple[str, ...], changes: int, faults: int) -> None:
        self.map = Map(deeds)
        self.known: dict[Side, list[tuple[int, int]]] = {}
        self._from: dict[View, View | None] = {}
        self._ahead: dict[tuple[int, int], list[View]] = {
            left: [] for left in product(range(changes, -1, -1), range(faults, -1, -1))
        }
        # What was done to what all share, by whom, and whether it was a change; and who may meet it.
        self._elsewhere: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._there: dict[tuple[int, int], list[int]] = {}
        for who in SIDES:
            self._meet((who, self.map.common, self.map.first[who], changes, faults), None)

    def go(self) -> int:
        """Walk to the end; answers how many situations there are. Raises :class:`Broken` with a way there."""
        while ahead := next((views for views in self._ahead.values() if views), None):
            views = ahead.copy()
            ahead.clear()
            for view in views:
                self._go_on(view)
        return len(self._from)

    def _go_on(self, view: View) -> None:
        who, common, person, changes, faults = view
        free = self.map.busy(who, person) < WORKERS
        for shared, own, fault, change, begun, final in self.map.next((who, common, person), not changes):
            if fault > faults or change > changes or (begun > 0 and not free) or final != (changes == change):
                continue
            self._meet((who, shared, own, changes - change, faults - fault), view)
            if shared != common:
                self._tell_others(who, common, (shared, change))
        for other in SIDES:
            if other != who:
                for done in self._elsewhere.get((other, common), ()):
                    self._disturb(view, done)

    def _meet(self, view: View, before: View | None) -> None:
        who, common, person, changes, faults = view
        side = view[:3]
        left = self.known.get(side)
        if left is None:
            left = self.known[side] = []
            self._there.setdefault((who, common), []).append(person)
        elif any(changes <= more and faults <= also for more, also in left):
            return
        left.append((changes, faults))
        self._from[view] = before
        if broken := self.map.wrong(side):
            raise Broken(broken, *self._way(view))
        self._ahead[changes, faults].append(view)

    def _tell_others(self, who: int, common: int, done: tuple[int, int]) -> None:
        told = self._elsewhere.setdefault((who, common), [])
        if done in told:
            return
        told.append(done)
        for other in SIDES:
            if other != who:
                for person in self._there.get((other, common), ()):
                    for changes, faults in self.known[other, common, person].copy():
                        self._disturb((other, common, person, changes, faults), done)

    def _disturb(self, view: View, done: tuple[int, int]) -> None:
        """Somebody else did something to what all share: a change, or with the worker that is free."""
        (who, _, person, changes, faults), (shared, change) = view, done
        if change > changes or (not change and self.map.busy(who, person) == WORKERS):
            return
        common, person = self.map.calm((who, shared, person), changes == change)
        self._meet((who, common, person, changes - change, faults), view)

    def _way(self, view: View) -> list[str]:
        steps: list[str] = []
        while (before := self._from[view]) is not None:
            spent = before[4] - view[4], before[3] - view[3]
            names = (
                what
                for after, what in self.map.named(before[:3], not before[3])
                if after[:2] == view[1:3] and after[2:4] == spent
            )
            steps.append(next(names, "elsewhere something is done to what all share"))
            view = before
        return steps[::-1]


def whole(deeds: tuple[str, ...], changes: int, faults: int) -> tuple[Walk, set[tuple[int, ...]]]:
    """All situations of the two attendees together, by breadth; each as numbers of what all share, of each person, and
    the changes and faults that are left. With a walk that knows these numbers.
    """
    walk = Walk(deeds, changes, faults)
    first = (walk.map.common, *walk.map.first, changes, faults)
    known, ahead = {first}, [first]
    while ahead:
        following = {after for state in ahead for after in _together(walk.map, state)} - known
        known |= following
        ahead = list(following)
    return walk, known


def _together(ways: Map, state: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    common, *persons, changes, faults = state
    free = sum(ways.busy(who, person) for who, person in enumerate(persons)) < WORKERS
    for who in SIDES:
        for shared, own, fault, change, begun, final in ways.next((who, common, persons[who]), not changes):
            if fault > faults or change > changes or (begun > 0 and not free) or final != (changes == change):
                continue
            after = list(persons)
            after[who] = own
            for other in SIDES:
                if other != who:
                    shared, after[other] = ways.calm((other, shared, after[other]), final)
            yield (shared, *after, changes - change, faults - fault)
