"""What can happen next to one attendee in the small world: by production's store over the fake tables.

Whatever happens, happens to what all share and to one person; nobody else is touched. So each turn is taken once for
each pair of these, however many situations of the whole world it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from convoke import effects
from convoke.decision.invitation import Batch
from convoke.registrations import events, registry
from convoke.store import keys
from convoke.store.store import Store
from tests import factories

from ..scene import EVENT_ID, SETTINGS, START
from ..tables import Row, Tables
from .alike import OVER
from .deeds import OF_ONE, OF_THE_EVENT, change_event
from .mind import ANSWERS, Busy, Mind
from .parts import FIRST, SECOND, Common, Person, Place, Rows

ACCEPTED, REFUSED, UNKNOWN = ANSWERS[effects.Send]
OWN = (
    effects.ReadStoredMessage
    | effects.StoreMessage
    | effects.RecordMessageState
    | effects.HoldClaim
    | effects.ReleaseClaim
    | effects.Acknowledge
)
"""What nobody else can disturb: no turn of its own. What is written under a lease comes to the same before and after a
wakeups; that a worker dies before it writes that down is a turn of its sending.
"""
OF_PEOPLE = effects.ReadRegistration | effects.ReadRegistrations
"""Whoever changes a person wakeups their invitation, and whoever read that before has looked in vain: so that the
person is read at once comes to the same.
"""
IF_NOBODY_WAS_FASTER = effects.ClearDue | effects.Claim | effects.MoveFanOut | effects.EndFanOut
"""Conditional on what never comes back: where it fails now, it fails at any time."""


class Turn(NamedTuple):
    """What became of the two; how many faults and changes it took, how many workers began (or ended: -1); its name."""

    common: Common
    person: Person
    what: str
    faults: int = 0
    changes: int = 0
    workers: int = 0


class Turns:
    """``deeds`` are the changes that there are."""

    def __init__(self, deeds: tuple[str, ...]) -> None:
        self.deeds = deeds
        self.tables = Tables((SETTINGS.registrations_table,), lambda *_: None)
        self.store = store = Store(self.tables, SETTINGS)
        self.reads = reads = store.reads
        invitations, records = store.invitations, store.records
        self._does: dict[type[effects.Effect], Callable[[Any], Any]] = {
            effects.ReadInvitation: lambda effect: reads.invitation(EVENT_ID, effect.registration_id),
            effects.ReadRegistration: lambda effect: reads.registration(EVENT_ID, effect.registration_id),
            effects.ReadEvent: lambda _: reads.event(EVENT_ID),
            effects.ReadStoredMessage: lambda effect: reads.stored(effect.registration_id, effect.sequence),
            effects.ReadFanOut: lambda _: reads.fan_out(EVENT_ID),
            effects.ReadInvitations: lambda effect: reads.invitations(EVENT_ID, effect.after, effect.limit),
            effects.ReadRegistrations: lambda effect: reads.registrations(EVENT_ID, effect.after, effect.through),
            effects.ClearDue: invitations.clear_due,
            effects.Claim: invitations.claim,
            effects.ReleaseClaim: invitations.release_claim,
            effects.HoldClaim: invitations.hold_claim,
            effects.Acknowledge: invitations.acknowledge,
            effects.WakeUp: invitations.wake_up,
            effects.StoreMessage: lambda effect: records.store_message(effect.stored),
            effects.RecordMessageState: records.record_sent,
            effects.MoveFanOut: records.move_fan_out,
            effects.EndFanOut: records.end_fan_out,
        }
        self._beginnings: dict[Any, Mind] = {}

    # --- the rows ---------------------------------------------------------------------------------------------

    def begin(self) -> tuple[Common, tuple[Person, ...]]:
        """An event to which two people have registered, and nobody was calendar_state yet."""
        event = factories.event(event_id=EVENT_ID, title="A")
        events.create_event(self.store, event)
        for number, rid in enumerate((FIRST, SECOND), 1):
            person = factories.registration(event_id=EVENT_ID, registration_id=rid, email=f"person{number}@example.net")
            registry.register(self.store, person, now=START)
        rows = {
            (table, pk, sk): row
            for table, partitions in self.tables.rows.items()
            for pk, partition in partitions.items()
            for sk, row in partition.items()
        }
        first, second = (
            {place: row for place, row in rows.items() if _about(place, row) == rid} for rid in (FIRST, SECOND)
        )
        common = {place: row for place, row in rows.items() if not _about(place, row)}
        return Common(common), (Person(FIRST, first), Person(SECOND, second), Person("", {}))

    def _lay(self, common: Common, person: Person) -> None:
        """Put these rows on the table, and no others."""
        self.tables.rows = {}
        for place, row in (*common.rows.items(), *person.rows.items()):
            table, pk, sk = place
            self.tables.rows.setdefault(table, {}).setdefault(pk, {})[sk] = row

    def _take(self, common: Common, person: Person) -> tuple[Common, Person]:
        """What lies on the table now; the same object where nothing changed."""
        shared: Rows = {}
        own: Rows = {}
        for table, partitions in self.tables.rows.items():
            for pk, partition in partitions.items():
                for sk, row in partition.items():
                    (own if _about((table, pk, sk), row) else shared)[table, pk, sk] = row
        if not _same(shared, common.rows):
            common = Common(shared)
        if not _same(own, person.rows):
            person = Person(person.rid, own, person.mailbox, person.workers)
        return common, person

    # --- what workers do --------------------------------------------------------------------------------------

    def of(self, common: Common, person: Person, *, final: bool) -> Iterator[Turn]:
        """Everything that can happen to this person next; ``final``: nobody changes anything any more."""
        for index, busy in enumerate(person.workers):
            yield from self._step(common, person, index, busy)
            if busy.open is not None or isinstance(busy.mind.effect, effects.MoveFanOut | effects.EndFanOut):
                # Whoever dies without having begun anything might as well never have looked.
                mailbox = person.mailbox if busy.open is None else person.mailbox.doubts(busy.open)
                died = replace(person, mailbox=mailbox, workers=_without(person.workers, index))
                yield Turn(common, died, f"a worker at {_who(person)} dies", faults=1, workers=-1)
        if len(person.workers) < 2:
            for task in self._tasks(common, person):
                yield self._begun(common, person, task)
        if person.leased and all(busy.open is None for busy in person.workers):
            row = Row({**person.rows[person.place], "lease_until": keys.instant(OVER)})
            rows = {**person.rows, person.place: row}
            yield Turn(common, replace(person, rows=rows), f"the lease of {_who(person)} is over")
        if not final:
            yield from self._changed(common, person)

    def _tasks(self, common: Common, person: Person) -> Iterator[Any]:
        if person.rid:
            yield person.rid
        fan_out = common.fan_out
        if fan_out is not None and person.rid == {"": FIRST, FIRST: SECOND, SECOND: ""}[fan_out.cursor]:
            yield Batch(event_id=EVENT_ID, version=fan_out.version, cursor=fan_out.cursor)

    def _begun(self, common: Common, person: Person, task: Any) -> Turn:
        taken = {busy.mind.number for busy in person.workers}
        number = next(number for number in (0, 1) if number not in taken)
        mind = self._beginnings.get((number, task))
        if mind is None:
            mind = self._beginnings[number, task] = Mind(number, task)
        self._lay(common, person)
        # Between its beginning and its first look nobody can tell that it is there.
        busy = Busy(mind.after(self._does[type(mind.effect)](mind.effect)))
        name = f"the slice v{task.version}" if isinstance(task, Batch) else "a look"
        if busy.mind.effect is None:
            return Turn(common, person, "")
        return Turn(common, replace(person, workers=(*person.workers, busy)), f"{name} at {_who(person)}", workers=1)

    def _step(self, common: Common, person: Person, index: int, busy: Busy) -> Iterator[Turn]:
        effect = busy.mind.effect
        if isinstance(effect, effects.Send):
            yield from self._sent(common, person, index, busy, effect)
            return
        yield self._done(common, person, index, busy)

    def _done(self, common: Common, person: Person, index: int, busy: Busy) -> Turn:
        """One effect of a worker."""
        effect = busy.mind.effect
        self._lay(common, person)
        answer = self._does[type(effect)](effect)
        common, after = self._take(common, person)
        opened = busy.open
        match effect:
            case effects.Claim(intent=intent) if answer is not None:
                opened = intent.calendar_state.sequence
            case effects.ReleaseClaim() | effects.Acknowledge() | effects.HoldClaim():
                opened = None
        what = f"{type(effect).__name__} at {_who(person)}: {_brief(answer)}"
        return self._put(Turn(common, after, what), index, Busy(busy.mind.after(answer), opened))

    def _put(self, turn: Turn, index: int, busy: Busy) -> Turn:
        """The worker has come so far; one that is done is gone."""
        workers = turn.person.workers
        # A look that begins anew is no other than a new look, and there may be one at any time.
        anew = isinstance(busy.mind.task, str) and isinstance(busy.mind.effect, effects.ReadInvitation)
        if busy.mind.effect is None or anew:
            return turn._replace(person=replace(turn.person, workers=_without(workers, index)), workers=-1)
        workers = (*workers[:index], busy, *workers[index + 1 :])
        return turn._replace(person=replace(turn.person, workers=workers))

    def _sent(self, common: Common, person: Person, index: int, busy: Busy, effect: effects.Send) -> Iterator[Turn]:
        sequence, said = (
            effect.intent.calendar_state.sequence,
            f"{effect.intent.calendar_state.method} {effect.intent.calendar_state.sequence}",
        )
        taken = replace(person, mailbox=person.mailbox.takes(effect.rendered.calendar, person.invitation.resend))
        accepted = Busy(busy.mind.after(ACCEPTED), busy.open)
        yield self._put(Turn(common, taken, f"SES takes {said} for {_who(person)}"), index, accepted)
        died = replace(taken, mailbox=taken.mailbox.doubts(sequence), workers=_without(person.workers, index))
        yield Turn(common, died, f"SES takes {said} for {_who(person)}, whose worker dies", faults=1, workers=-1)
        unknown = Busy(busy.mind.after(UNKNOWN))
        for one, word in ((taken, "sent, unanswered"), (person, "sent into the void")):
            doubtful = replace(one, mailbox=one.mailbox.doubts(sequence))
            yield self._put(Turn(common, doubtful, f"{said} for {_who(person)} is {word}", faults=1), index, unknown)
        refused = Busy(busy.mind.after(REFUSED), busy.open)
        yield self._put(Turn(common, person, f"SES refuses {said} for {_who(person)}", faults=1), index, refused)

    def hurried(self, common: Common, person: Person, *, final: bool) -> Turn | None:
        """The one turn that may as well come at once: whether it comes now or later, nobody can tell."""
        for index, busy in enumerate(person.workers):
            effect = busy.mind.effect
            in_vain = busy.open is None and _written_since(person, busy.mind)
            if isinstance(effect, OWN | OF_PEOPLE) or (isinstance(effect, effects.ReadEvent) and (final or in_vain)):
                return self._done(common, person, index, busy)
            if isinstance(effect, IF_NOBODY_WAS_FASTER):
                turn = self._done(common, person, index, busy)
                if turn.common is common and turn.person.rows is person.rows:
                    return turn
        return None

    def _changed(self, common: Common, person: Person) -> Iterator[Turn]:
        for deed in self.deeds:
            self._lay(common, person)
            if person.rid and deed in OF_ONE:
                OF_ONE[deed](self.store, person.rid)
            elif not person.rid and deed in OF_THE_EVENT:
                change_event(self.store, common.event, OF_THE_EVENT[deed](common.event))
            after, changed = self._take(common, person)
            if after is not common or changed is not person:
                yield Turn(after, changed, f"{_who(person)}: {deed}" if person.rid else deed, changes=1)


def _who(person: Person) -> str:
    return person.rid[9:10] or "nobody"


def _written_since(person: Person, mind: Mind) -> bool:
    """Whether the invitation was written, or somebody poked, since this worker read it: whatever else it reads, its
    next write will fail.
    """
    seen, standing = mind.seen, person.invitation
    return seen is not None and (seen.fence, seen.wakeups) != (standing.fence, standing.wakeups)


def _about(place: Place, row: Row) -> str:
    """Whom a row is about; nobody: the event."""
    if place[1].startswith("REGISTRATION#"):
        return place[1].removeprefix("REGISTRATION#")
    return str(row.get("registration_id", ""))


def _same(one: Rows, other: Rows) -> bool:
    return len(one) == len(other) and all(other.get(place) is row for place, row in one.items())


def _without(workers: tuple[Busy, ...], index: int) -> tuple[Busy, ...]:
    return (*workers[:index], *workers[index + 1 :])


def _brief(answer: Any) -> str:
    return str(getattr(answer, "value", answer if isinstance(answer, bool | None) else type(answer).__name__))
