"""Through every situation of the small world, the nearest first, until a promise is broken or nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convoke.model import EventStatus, RegistrationStatus

from .. import quick
from .parts import FIRST, SECOND, Common, Person
from .turns import Turn, Turns

BITS = 21
MASK = (1 << BITS) - 1
State = int
"""What all share, and the three persons, as numbers of what was met so far; changes and faults that are left."""


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


class Walk:
    def __init__(self, deeds: tuple[str, ...], changes: int, faults: int) -> None:
        self.turns = Turns(deeds)
        self.commons = Known()
        self.persons = tuple(Known() for _ in range(3))
        self.busy: tuple[list[int], ...] = ([], [], [])
        self._next: dict[int, tuple[tuple[int, ...], ...]] = {}
        common, persons = self.turns.begin()
        self._calm: dict[int, int] = {}
        self._wrong: dict[int, str] = {}
        self.first = (self.commons.number(common), *(self._number(who, one) for who, one in enumerate(persons)),
                      changes, faults)

    def _number(self, who: int, person: Person) -> int:
        number = self.persons[who].number(person)
        if number == len(self.busy[who]):
            self.busy[who].append(len(person.workers))
        return number

    def next(self, who: int, common: int, person: int, final: bool) -> tuple[tuple[int, ...], ...]:
        """What can become of one person and what all share: numbers of both, faults, changes, workers more or less."""
        key = ((common << BITS | person) << 2 | who) << 1 | final
        known = self._next.get(key)
        if known is None:
            found = set()
            for turn in self.turns.of(self.commons[common], self.persons[who][person], final=final):
                for last in {final, final or (turn.changes > 0)}:
                    after = self._calmed(turn.common, who, turn.person, last)
                    found.add((*after, turn.faults, turn.changes, turn.workers, last))
            found.discard((common, person, 0, 0, 0, final))
            known = self._next[key] = tuple(sorted(found))
        return known

    def _calmed(self, common: Common, who: int, person: Person, final: bool) -> tuple[int, int]:
        """Numbers of both, after all that may as well come at once."""
        while (turn := self.turns.hurried(common, person, final=final)) is not None:
            common, person = turn.common, turn.person
        return self.commons.number(common), self._number(who, person)

    def calm(self, who: int, common: int, person: int, final: bool) -> tuple[int, int]:
        key = ((common << BITS | person) << 2 | who) << 1 | final
        known = self._calm.get(key)
        if known is None:
            after = self._calmed(self.commons[common], who, self.persons[who][person], final)
            known = self._calm[key] = after[0] << BITS | after[1]
        return known >> BITS, known & MASK

    def wrong(self, who: int, common: int, person: int) -> str:
        key = (common << BITS | person) << 2 | who
        known = self._wrong.get(key)
        if known is None:
            known = self._wrong[key] = wrong(self.commons[common], self.persons[who][person])
        return known

    def successors(self, state: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        common, changes, faults = state[0], state[4], state[5]
        persons = state[1:4]
        free = sum(self.busy[who][persons[who]] for who in range(3)) < 2
        for who in range(3):
            for one, other, cost, change, workers, final in self.next(who, common, persons[who], not changes):
                if cost > faults or change > changes or (workers > 0 and not free) or final != (changes == change):
                    continue
                after = [one, *persons, changes - change, faults - cost]
                after[1 + who] = other
                if one != common or final != (not changes):
                    for whom in range(3):
                        if whom != who:
                            _, after[1 + whom] = self.calm(whom, one, after[1 + whom], final)
                yield tuple(after)


def wrong(common: Common, person: Person) -> str:
    """The promise that is broken for this person, or nothing."""
    if person.mailbox.wrong or not person.rid:
        return person.mailbox.wrong
    fan = common.fan
    if person.invitation.owed_at is not None or (fan is not None and fan.cursor < person.rid):
        return ""
    happens = common.event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
    expected = happens and person.registration.status is RegistrationStatus.REGISTERED
    untrue = person.mailbox.untrue(expected, person.registration.email, common.event.title)
    return f"G1: {untrue}, and nothing is owed" if untrue else ""


def explore(deeds: tuple[str, ...], changes: int, faults: int) -> int:
    import time
    t=time.process_time()
    with quick.quick():
        quick.forget()
        walk = Walk(deeds, changes, faults)
        common = walk.first[0]
        known = {}
        by_common = {}
        edges = {}
        layers = {(ch, fa): [] for ch in range(changes, -1, -1) for fa in range(faults, -1, -1)}
        count = 0
        def meet(who, c, p, ch, fa):
            nonlocal count
            key = (c << BITS | p) << 2 | who
            budgets = known.get(key)
            if budgets is None:
                known[key] = [(ch, fa)]
                by_common.setdefault((who, c), []).append(p)
                if who < 2 and (broken := walk.wrong(who, c, p)):
                    raise Broken(broken)
            else:
                if any(ch <= a and fa <= b for a, b in budgets):
                    return
                budgets.append((ch, fa))
            count += 1
            layers[ch, fa].append((who, c, p))
        def disturb(who, c, p, ch, fa, edge):
            to, change = edge
            if change > ch or (not change and walk.busy[who][p] > 1): return
            one, other = walk.calm(who, to, p, ch == change)
            meet(who, one, other, ch - change, fa)
        for who in range(3):
            meet(who, common, walk.first[1 + who], changes, faults)
        while left := next(((budget, layer) for budget, layer in layers.items() if layer), None):
            (ch, fa), layer = left
            ahead = layer[:]
            layer.clear()
            for who, c, p in ahead:
                free = walk.busy[who][p] < 2
                for one, other, cost, change, workers, final in walk.next(who, c, p, not ch):
                    if cost > fa or change > ch or (workers > 0 and not free) or final != (ch == change):
                        continue
                    meet(who, one, other, ch - change, fa - cost)
                    if one != c:
                        edge = (one, change)
                        mine = edges.setdefault((who, c), [])
                        if edge not in mine:
                            mine.append(edge)
                            for whom in range(3):
                                if whom != who:
                                    for each in by_common.get((whom, c), ())[:]:
                                        for a, b in known[(c << BITS | each) << 2 | whom][:]:
                                            disturb(whom, c, each, a, b, edge)
                for whom in range(3):
                    if whom != who:
                        for edge in edges.get((whom, c), ()):
                            disturb(who, c, p, ch, fa, edge)
            if len(ahead) > 300: print((ch, fa), len(ahead), count, len(known), len(walk.commons), [len(p) for p in walk.persons], round(time.process_time()-t,1), flush=True)
        return count, time.process_time() - t
