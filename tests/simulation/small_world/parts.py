"""What the small world is made of: what all share, and for each of two people what is stored of them, what SES took for
them, and who is at work on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from convoke.decision.invitation import FanOut, Invitation, StoredMessage
from convoke.model import Event, Registration
from convoke.store import codec, keys

from ..post import BETWEEN_THE_LINES
from ..scene import EVENT_ID, SETTINGS
from ..tables import Row
from .alike import OVER, Eye
from .mind import Busy

FIRST, SECOND = (f"{number:010d}{EVENT_ID}" for number in (1, 2))
Place = tuple[str, str, str]
"""A table, a partition and a sort key."""
Rows = dict[Place, Row]


@dataclass(frozen=True)
class Copy:
    uid: str
    sequence: int
    method: str
    recipient: str
    title: str
    calendar: bytes


@dataclass(frozen=True)
class Mailbox:
    """What SES took for one person: of each UID the newest ``Copy``, and how often; how many unknown outcomes there
    were of each SEQUENCE that is not older; ``wrong`` is the promise that was broken.

    An older SEQUENCE needs no memory: that it comes again is wrong in any case.
    """

    taken: tuple[tuple[Copy, int], ...] = ()
    unknown: tuple[int, ...] = ()
    wrong: str = ""

    def takes(self, calendar: bytes, asked: int) -> Mailbox:
        """After SES accepted one more; ``asked`` is how often somebody asked for the same again."""
        method, uid, sequence, _, recipient, title, *_ = calendar.decode().split(BETWEEN_THE_LINES)
        copy, count, wrong = Copy(uid, int(sequence), method, recipient, title, calendar), 1, ""
        before = next(((known, times) for known, times in self.taken if known.uid == uid), None)
        if before is None:
            may_have_left = method == "REQUEST" or self.unknown
            wrong = "" if may_have_left else f"G6: SEQUENCE {sequence} cancels what nobody was invited to"
        elif before[0].sequence > copy.sequence:
            wrong = f"G3: SEQUENCE {sequence} after {before[0].sequence}"
        elif before[0].sequence == copy.sequence:
            count = before[1] + 1
            if before[0].calendar != calendar:
                wrong = f"G4: SEQUENCE {sequence} says two things"
            elif before[1] > self.unknown.count(copy.sequence) + asked:
                wrong = f"G5: {count} copies of SEQUENCE {sequence}"
        elif before[0].method == "CANCEL":
            wrong = f"G4: SEQUENCE {sequence} speaks of a UID that was cancelled"
        others = tuple(each for each in self.taken if each[0].uid != uid)
        return Mailbox(
            taken=(*others, (copy, count)),
            unknown=tuple(each for each in self.unknown if each >= copy.sequence),
            wrong=self.wrong or wrong,
        )

    def doubts(self, sequence: int) -> Mailbox:
        return replace(self, unknown=tuple(sorted((*self.unknown, sequence))))

    def untrue(self, expected: bool, email: str, title: str) -> str:
        """What this person's calendar has wrong, if they should come (or not) to ``title``, under that address."""
        newest = max((copy for copy, _ in self.taken), key=lambda copy: copy.sequence, default=None)
        for copy, _ in self.taken:
            if copy.method == "REQUEST" and not (expected and copy is newest):
                return f"is still invited by SEQUENCE {copy.sequence}"
        if expected and (newest is None or newest.method == "CANCEL" or newest.title != title):
            return f"was not calendar_state {title}"
        return "was calendar_state elsewhere" if expected and newest and newest.recipient != email else ""


@dataclass(frozen=True)
class Person:
    """One attendee: every row about them, their mail, and who is at work on them. Nobody is one, too: whom a slice
    finds that comes after everybody.
    """

    rid: str
    rows: Rows = field(hash=False)
    mailbox: Mailbox = Mailbox()
    workers: tuple[Busy, ...] = ()

    @property
    def place(self) -> Place:
        key = keys.registration(EVENT_ID, self.rid)
        return SETTINGS.invitations_table, key["pk"], key["sk"]

    @cached_property
    def invitation(self) -> Invitation:
        if not self.rows:
            return Invitation(event_id=EVENT_ID, registration_id="")
        return codec.read(Invitation, self.rows[self.place])

    @cached_property
    def registration(self) -> Any:
        return codec.read(Registration, self.rows[SETTINGS.registrations_table, *self.place[1:]])

    @property
    def leased(self) -> bool:
        lease = self.invitation.lease_until
        return lease is not None and lease > OVER

    def form(self) -> Any:
        """Equal for what is alike; which of two workers is which does not matter."""
        standing, sequences = self.invitation, set[int]()
        against = standing.fence, standing.wakeups, standing.allocated, standing.intent and standing.intent.attempt
        busy = []
        for each in self.workers:
            number, met = each.mind.form(against, standing)
            sequences |= met
            busy.append((number, -1 if each.open is None else each.open - standing.allocated))
        eye = Eye(standing, sequences)
        stored = eye.see(standing), eye.see(self.registration) if self.rows else ()
        mail = tuple(
            (copy.uid, copy.sequence - standing.allocated, copy.method, copy.recipient, copy.title, count - known)
            for copy, count in self.mailbox.taken
            for known in (self.mailbox.unknown.count(copy.sequence),)
        )
        doubts = tuple(each - standing.allocated for each in self.mailbox.unknown)
        return stored, tuple(sorted(busy)), self._letters(eye), mail, doubts, self.mailbox.wrong

    def _letters(self, eye: Eye) -> Any:
        """What was written down and may be read again."""
        table, found = SETTINGS.invitations_table, []
        for sequence in sorted(eye.sequences):
            key = keys.message(self.rid, sequence)
            row = self.rows.get((table, key["pk"], key["sk"]))
            if row is not None:
                found.append(eye.see(codec.read(StoredMessage, row)))
        return tuple(found)


@dataclass(frozen=True)
class Common:
    """What all share: the rows of the event, its fan_out-out and its seats."""

    rows: Rows = field(hash=False)

    @cached_property
    def event(self) -> Any:
        key = keys.event(EVENT_ID)
        return codec.read(Event, self.rows[SETTINGS.registrations_table, key["pk"], key["sk"]])

    @cached_property
    def fan_out(self) -> Any:
        key = keys.fan_out(EVENT_ID)
        row = self.rows.get((SETTINGS.invitations_table, key["pk"], key["sk"]))
        return None if row is None else codec.read(FanOut, row)

    def form(self) -> Any:
        event, fan_out = self.event, self.fan_out
        return event.version, event.status, event.title, None if fan_out is None else (fan_out.version, fan_out.cursor)
