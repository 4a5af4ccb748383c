"""Every order of things in a world small enough to try them all: ``python -m tests.simulation.small_world``

One event, two registrations, at most two workers at once, a few changes and crashes; no clock but "the lease is over".
The protocol's generators cannot be copied, so a worker is the answers that it was given so far: the same answers lead
to the same next effect, and each such path is walked once.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple, cast

from convoke import effects, fanout, reconcile
from convoke.ledger import Invitation, Sending, Slice
from convoke.model import Event, EventStatus, Person, Registration, RegistrationStatus, When
from convoke.reconcile import Worker
from convoke.store import events, items, keys, registry
from convoke.store.invitations import Invitations
from convoke.store.reads import Reads
from convoke.store.records import Records

from . import quick
from .post import BETWEEN_THE_LINES, write
from .tables import Row, Tables
from .world import EVENT_ID, SENDER, SETTINGS, START, TIMES

FIRST, SECOND = (f"{number:010d}{EVENT_ID}" for number in (1, 2))
PAST = keys.instant(START - timedelta(seconds=1))
WALL = START.replace(tzinfo=None) + timedelta(days=30)
WORKER = Worker(sender=SENDER, deadline=START + timedelta(seconds=30), times=TIMES)


OWN = effects.ReadPosted | effects.Keep | effects.Sent
SETTLED = OWN | effects.ReadEvent | effects.ReadRegistration | effects.ReadRegistrations


class Broken(Exception):
    """A promise is broken in the small world; the steps that lead there are its arguments."""


# --- workers ------------------------------------------------------------------------------------------------------


class Node:
    """Where a worker stands: what it was asked to do, and the answers so far. ``effect`` is what it wants next."""

    __slots__ = ("answer", "effect", "next", "parent", "slot", "task")

    def __init__(self, slot: int, task: Any, parent: Node | None, answer: Any) -> None:
        self.slot, self.task, self.parent, self.answer = slot, task, parent, answer
        self.next: dict[Any, Node] = {}
        self.effect = self._walk()

    def _walk(self) -> Any:
        answers, node = [], self
        while node.parent is not None:
            answers.append(node.answer)
            node = node.parent
        answers.reverse()
        steps: effects.Steps[Any]
        if isinstance(self.task, Slice):
            steps = fanout.tell_slice(self.task, WORKER, size=1)
        else:
            steps = reconcile.reconcile(EVENT_ID, self.task, WORKER)
        fence, given = 0, cast(Any, None)
        try:
            while True:
                effect = steps.send(given)
                match effect:
                    case effects.Clock():
                        given = START
                    case effects.Chance():
                        given = 0.5
                    case effects.Name():
                        given = f"{self.slot}-{fence}"
                    case effects.Tell() | effects.Enqueue():
                        given = None
                    case effects.ReadSending():
                        given = Sending()
                    case effects.Render(message=message, intent=intent):
                        given = write(message, intent, 1)
                    case _ if answers:
                        given = answers.pop(0)
                        seen = given[0] if isinstance(given, tuple) and given else given
                        fence = seen.fence if isinstance(seen, Invitation) else fence
                    case _:
                        return effect
        except StopIteration:
            return None

    def after(self, answer: Any) -> Node:
        known = self.next.get(answer)
        if known is None:
            known = self.next[answer] = Node(self.slot, self.task, self, answer)
        return known


class Busy(NamedTuple):
    """A worker, and the message it has set out to send and knows nothing of yet: whose, and its SEQUENCE."""

    node: Node
    open: tuple[str, int] | None = None


class Copy(NamedTuple):
    rid: str
    uid: str
    sequence: int
    method: str
    title: str
    calendar: bytes


# --- states -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    rows: Mapping[str, Mapping[str, Mapping[str, Row]]]
    workers: tuple[Busy | None, Busy | None]
    changes: int
    crashes: int
    accepted: tuple[Copy, ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()
    resends: int = 0
    steps: tuple[Any, ...] = ()

    def key(self) -> Any:
        digests = tuple(
            (sk, _digest(row))
            for _, table in sorted(self.rows.items())
            for pk, partition in sorted(table.items())
            for sk, row in sorted(partition.items())
        )
        busy = tuple(worker and (id(worker.node), worker.open) for worker in self.workers)
        return hash((digests, busy, self.changes, self.crashes, self.accepted, self.unknown, self.resends))


def _digest(row: Row) -> int:
    try:
        return row.digest
    except AttributeError:
        # What became of a message's record is shown to people; nothing is decided by it.
        shown = ("rank", "sent_at", "state", "ses_id") if row["sk"].startswith(keys.MESSAGE_PREFIX) else ()
        plain = {name: value for name, value in row.items() if name not in shown}
        row.digest = hash(json.dumps(plain, sort_keys=True, default=repr))
        return row.digest


def rested(row: Row) -> Row:
    """An invitation that no worker remembers: its fence, pokes and names of attempts are compared with nothing now."""
    fresh = Row({**row, "fence": 0, "poke": 0})
    if "intent" in row and row["intent"]["attempt"]:
        fresh["intent"] = {**row["intent"], "attempt": ""}
    return fresh


class SmallWorld:
    """``deeds`` are the changes, in their order, each at any moment."""

    def __init__(self, deeds: tuple[str, ...], crashes: int) -> None:
        self.deeds = deeds
        self.tables = Tables(SETTINGS.registrations_table, lambda *_: None)
        self.reads = Reads(self.tables, SETTINGS)
        invitations, records = Invitations(self.tables, SETTINGS), Records(self.tables, SETTINGS)
        self.does: dict[type[effects.Effect], Callable[[Any], Any]] = {
            effects.ReadInvitation: lambda effect: self.reads.invitation(EVENT_ID, effect.registration_id),
            effects.ReadRegistration: lambda effect: self.reads.registration(EVENT_ID, effect.registration_id),
            effects.ReadEvent: lambda _: self.reads.event(EVENT_ID),
            effects.ReadPosted: lambda effect: self.reads.posted(effect.registration_id, effect.sequence),
            effects.ReadFan: lambda _: self.reads.fan(EVENT_ID),
            effects.ReadInvitations: lambda effect: self.reads.invitations(EVENT_ID, effect.after, effect.limit),
            effects.ReadRegistrations: lambda effect: self.reads.registrations(EVENT_ID, effect.after, effect.through),
            effects.Clear: invitations.clear,
            effects.Claim: invitations.claim,
            effects.GiveBack: invitations.give_back,
            effects.Wait: invitations.wait,
            effects.Acknowledge: invitations.acknowledge,
            effects.Poke: invitations.poke,
            effects.Keep: lambda effect: records.keep(effect.posted),
            effects.Sent: records.sent,
            effects.MoveFan: records.move_fan,
            effects.EndFan: records.end_fan,
        }
        self.roots: dict[Any, Node] = {}
        self._begin()
        self.first = self._told(State(rows=self._rows(), workers=(None, None), changes=len(deeds), crashes=0))
        self.first = replace(self.first, crashes=crashes, steps=())

    def _told(self, state: State) -> State:
        """Once everybody was invited, without any trouble."""
        while True:
            if any(state.workers):
                state = next(self._stepped(state, 0, state.workers[0]))  # type: ignore[arg-type]
                continue
            after = next(self._started(state), None)
            if after is None:
                return state
            state = after

    def _begin(self) -> None:
        event = Event(
            event_id=EVENT_ID,
            account="acme",
            version=1,
            status=EventStatus.CONFIRMED,
            title="A",
            when=When(start=WALL, end=WALL + timedelta(hours=1), time_zone="UTC"),
            organizer=Person(name="Ada", email="ada@example.org"),
            created_at=START,
            updated_at=START,
        )
        events.create_event(self.tables, SETTINGS, event)
        for number, rid in enumerate((FIRST, SECOND), 1):
            person = Registration(
                event_id=EVENT_ID,
                registration_id=rid,
                version=1,
                status=RegistrationStatus.REGISTERED,
                name="Bo",
                email=f"person{number}@example.net",
                created_at=START,
                updated_at=START,
            )
            registry.register(self.tables, SETTINGS, person, now=START)

    # --- what can happen next ---------------------------------------------------------------------------------

    def successors(self, state: State) -> Iterator[State]:
        if state.changes:
            yield from self._changed(state, self.deeds[-state.changes])
        yield from self._started(state)
        for slot, busy in enumerate(state.workers):
            if busy is None:
                continue
            yield from self._stepped(state, slot, busy)
            # Whoever dies without having begun anything might as well never have looked.
            begun = busy.open is not None or isinstance(busy.node.effect, effects.MoveFan | effects.EndFan)
            if state.crashes and begun:
                yield self._ended(state, slot, busy, crashed=True)
        yield from self._expired(state)

    def _changed(self, state: State, deed: str) -> Iterator[State]:
        self._set(state)
        resends = state.resends
        before = self.reads.event(EVENT_ID)
        assert before is not None
        match deed:
            case "move" | "call off":
                title = "B" if before.title == "A" else "A"
                status = before.status if deed == "move" else EventStatus.CANCELLED
                if before.status is EventStatus.CANCELLED:
                    return
                after = replace(before, version=before.version + 1, title=title, status=status)
                events.change_event(self.tables, SETTINGS, before, after, priority=1, now=START)
            case "withdraw":
                person = registry.withdraw(self.tables, SETTINGS, EVENT_ID, FIRST, now=START)
                if isinstance(person, registry.Obstacle):
                    return
            case "readdress":
                email = "new@example.net"
                changes = {"email": email}
                registry.change_registration(
                    self.tables, SETTINGS, EVENT_ID, FIRST, changes=changes, priority=1, now=START
                )
            case "resend":
                if registry.resend(self.tables, SETTINGS, EVENT_ID, FIRST, now=START) is not None:
                    return
                resends += 1
        yield self._state(state, deed, changes=state.changes - 1, resends=resends)

    def _started(self, state: State) -> Iterator[State]:
        slot = next((slot for slot, busy in enumerate(state.workers) if busy is None), None)
        if slot is None:
            return
        self._set(state)
        tasks: list[Any] = [
            rid for rid in (FIRST, SECOND) if self._row(keys.registration(EVENT_ID, rid)).get("owed_at") is not None
        ]
        fan = self.reads.fan(EVENT_ID)
        if fan is not None:
            tasks.append(Slice(event_id=EVENT_ID, version=fan.version, cursor=fan.cursor))
        for task in tasks:
            root = self.roots.get((slot, task))
            if root is None:
                root = self.roots[slot, task] = Node(slot, task, None, None)
            yield self._put(state, slot, Busy(root), f"{slot} starts {_short(task)}")

    def _stepped(self, state: State, slot: int, busy: Busy) -> Iterator[State]:
        effect = busy.node.effect
        if isinstance(effect, effects.Send):
            yield from self._sent(state, slot, busy, effect)
            return
        self._set(state)
        steps, opened = f"{slot} {type(effect).__name__}", busy.open
        answer = self.does[type(effect)](effect)
        match effect:
            case effects.Claim(intent=intent, seen=seen) if answer is not None:
                opened = (seen.registration_id, intent.told.sequence)
            case effects.GiveBack() | effects.Acknowledge():
                opened = None
            case effects.Wait():
                opened = None
        node = busy.node.after(answer)
        # What nobody else can disturb is no step of its own, nor is a look at what does not change any more.
        while isinstance(node.effect, OWN if state.changes else SETTLED):
            node = node.after(self.does[type(node.effect)](node.effect))
        after = self._state(state, steps)
        done = Busy(node, opened)
        yield self._put(after, slot, done) if node.effect is not None else self._ended(after, slot, done)

    def _sent(self, state: State, slot: int, busy: Busy, effect: effects.Send) -> Iterator[State]:
        method, uid, sequence, _, _, title, *_ = effect.letter.calendar.decode().split(BETWEEN_THE_LINES)
        copy = Copy(effect.registration_id, uid, int(sequence), method, title, effect.letter.calendar)
        yes, no = effects.Accepted(ses_id="ses"), effects.Refused(refusal=effects.Refusal.BUSY, why="busy")
        left = replace(state, accepted=(*state.accepted, copy))
        yield self._put(left, slot, Busy(busy.node.after(yes), busy.open), f"{slot} sends {method} {sequence} {title}")
        if state.crashes:
            unknown = effects.Unknown(why="timeout")
            open_ = (effect.registration_id, int(sequence))
            for from_, word in ((left, "sends, unanswered,"), (state, "sends into the void")):
                spent = replace(from_, crashes=state.crashes - 1, unknown=(*state.unknown, open_))
                step = f"{slot} {word} {method} {sequence}"
                yield self._put(spent, slot, Busy(busy.node.after(unknown), None), step)
            refused = replace(state, crashes=state.crashes - 1)
            step = f"{slot} is refused {method} {sequence}"
            yield self._put(refused, slot, Busy(busy.node.after(no), busy.open), step)

    def _expired(self, state: State) -> Iterator[State]:
        """A lease is over: not before the one who holds it is gone."""
        for rid in (FIRST, SECOND):
            key = keys.registration(EVENT_ID, rid)
            row = state.rows[SETTINGS.invitations_table][key["pk"]][key["sk"]]
            held = any(busy is not None and busy.open is not None and busy.open[0] == rid for busy in state.workers)
            if row.get("lease_until", PAST) != PAST and not held:
                self._set(state)
                over = Row({**row, "lease_until": PAST})
                self.tables.rows[SETTINGS.invitations_table][key["pk"]][key["sk"]] = over
                yield self._state(state, f"the lease of {rid[9]} is over")

    # --- making states ----------------------------------------------------------------------------------------

    def _set(self, state: State) -> None:
        self.tables.rows = {
            table: {pk: dict(partition) for pk, partition in partitions.items()}
            for table, partitions in state.rows.items()
        }

    def _rows(self) -> Mapping[str, Mapping[str, Mapping[str, Row]]]:
        rows, self.tables.rows = self.tables.rows, {}
        return rows

    def _row(self, key: keys.Key) -> Row:
        row = self.tables.row(SETTINGS.invitations_table, key)
        assert row is not None
        return row

    def _state(self, state: State, step: str, **changes: Any) -> State:
        return replace(state, rows=self._rows(), steps=(state.steps, step), **changes)

    def _put(self, state: State, slot: int, busy: Busy | None, step: str = "") -> State:
        workers = (busy, state.workers[1]) if slot == 0 else (state.workers[0], busy)
        return replace(state, workers=workers, steps=(state.steps, step) if step else state.steps)

    def _ended(self, state: State, slot: int, busy: Busy, *, crashed: bool = False) -> State:
        after = self._rest(self._put(state, slot, None, f"{slot} dies" if crashed else f"{slot} is done"))
        if not crashed:
            return after
        unknown = (*state.unknown, busy.open) if busy.open is not None else state.unknown
        return replace(after, crashes=state.crashes - 1, unknown=unknown)

    def _rest(self, state: State) -> State:
        """Let the invitations rest that nobody remembers: states that differ in nothing that matters are one."""
        pk = keys.event(EVENT_ID)["pk"]
        concern = {_whom(busy.node.task) for busy in state.workers if busy is not None}
        rows = dict(state.rows[SETTINGS.invitations_table][pk])
        for rid in {FIRST, SECOND} - concern:
            sk = keys.registration(EVENT_ID, rid)["sk"]
            if rows[sk]["fence"] or rows[sk]["poke"]:
                rows[sk] = rested(rows[sk])
        table = {**state.rows[SETTINGS.invitations_table], pk: rows}
        return replace(state, rows={**state.rows, SETTINGS.invitations_table: table})

    # --- what must hold ---------------------------------------------------------------------------------------

    def wrong(self, state: State) -> str:
        """The promise that is broken in this state, or nothing."""
        newest: dict[str, Copy] = {}
        said: dict[tuple[str, int], bytes] = {}
        copies: dict[tuple[str, int], int] = {}
        highest: dict[str, int] = {}
        for copy in state.accepted:
            if copy.sequence < highest.get(copy.uid, -1):
                return f"G3: SEQUENCE {copy.sequence} after {highest[copy.uid]}"
            highest[copy.uid] = copy.sequence
            if said.setdefault((copy.uid, copy.sequence), copy.calendar) != copy.calendar:
                return f"G4: SEQUENCE {copy.sequence} says two things"
            copies[copy.rid, copy.sequence] = copies.get((copy.rid, copy.sequence), 0) + 1
            newest[copy.uid] = copy
        for (rid, sequence), count in copies.items():
            if count - 1 > state.unknown.count((rid, sequence)) + state.resends:
                return f"G5: {count} copies of SEQUENCE {sequence}"
        return self._untold(state, newest)

    def _untold(self, state: State, newest: dict[str, Copy]) -> str:
        pk = keys.event(EVENT_ID)["pk"]
        event = items.event_of(state.rows[SETTINGS.registrations_table][pk][keys.EVENT])
        owed = state.rows[SETTINGS.invitations_table][pk]
        fan = items.fan_of(owed[keys.FAN]) if keys.FAN in owed else None
        for rid in (FIRST, SECOND):
            sk = keys.registration(EVENT_ID, rid)["sk"]
            if "owed_at" in owed[sk] or (fan is not None and fan.cursor < rid):
                continue
            person = items.registration_of(state.rows[SETTINGS.registrations_table][pk][sk])
            expected = person.status is RegistrationStatus.REGISTERED and event.status is not EventStatus.CANCELLED
            last = [copy for copy in newest.values() if copy.rid == rid]
            present = max(last, key=lambda copy: copy.sequence, default=None)
            stale = [copy for copy in last if copy.method == "REQUEST" and not (expected and copy is present)]
            if stale:
                return f"G1: {rid[9]} is still invited by SEQUENCE {stale[0].sequence}, and nothing is owed"
            if expected and (present is None or present.method == "CANCEL" or present.title != event.title):
                return f"G1: {rid[9]} was not told {event.title}, and nothing is owed"
        return ""


def _whom(task: Any) -> str:
    """The one registration that a worker is concerned with."""
    if isinstance(task, Slice):
        return "" if task.cursor >= SECOND else SECOND if task.cursor >= FIRST else FIRST
    return str(task)


def _short(task: Any) -> str:
    if isinstance(task, Slice):
        return f"the slice v{task.version} after {task.cursor[9:10] or 'nobody'}"
    return f"with {task[9]}"


def _flat(steps: tuple[Any, ...]) -> list[str]:
    found: list[str] = []
    while steps:
        steps, step = steps
        found.append(step)
    return found[::-1]


def explore(deeds: tuple[str, ...], crashes: int, *, at_most: int = 50_000_000) -> int:
    """Walk through every state; answer how many there are.

    Raises :class:`Broken` with the shortest way to a broken promise.
    """
    with quick.quick():
        quick.forget()
        world = SmallWorld(deeds, crashes)
        known, ahead = {world.first.key()}, deque([world.first])
        while ahead:
            state = ahead.popleft()
            for after in world.successors(state):
                key = after.key()
                if key in known:
                    continue
                known.add(key)
                if wrong := world.wrong(after):
                    raise Broken(wrong, *_flat(after.steps))
                if len(known) >= at_most:
                    raise Broken(f"more than {at_most} states")
                ahead.append(after)
        return len(known)


WORLDS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("move",), 0),
    (("withdraw",), 2),
    (("resend",), 2),
    (("readdress",), 1),
    (("withdraw", "resend"), 1),
    (("move",), 1),
    (("move", "withdraw"), 0),
)


def walk(world: tuple[tuple[str, ...], int]) -> dict[str, object]:
    (deeds, crashes), began = world, time.perf_counter()
    try:
        found: dict[str, object] = {"states": explore(deeds, crashes)}
    except Broken as broken:
        found = {"broken": broken.args}
    return {"changes": deeds, "crashes": crashes, **found, "seconds": round(time.perf_counter() - began, 1)}


def main() -> int:
    broken = False
    with multiprocessing.Pool() as pool:
        for found in pool.imap_unordered(walk, WORLDS[::-1]):
            print(json.dumps(found), flush=True)
            broken = broken or "broken" in found
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
