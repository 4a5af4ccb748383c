"""When two situations of one attendee differ in nothing that matters to what can happen from here on.

Numbers that are only compared are told by how they compare: a fence or a count of pokes by whether it is still the one
that stands (it never comes back), a SEQUENCE by its distance from the highest that was given. Instants are left out:
there is no clock, and of a lease only whether it stands counts. So is ``asked``, since nobody answers here, and what is
only shown to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from convoke.effects import Acknowledge, Clear, EndFan, GiveBack, MoveFan, Poke, Send, Sent, Wait
from convoke.ledger import Acknowledged, Fan, Intent, Invitation, Posted, Sending, Slice
from convoke.model import Event, Registration
from convoke.plan import Plan, Seen
from convoke.reconcile import Worker
from convoke.settings import Times
from convoke.told import Letter, Message, Told

from ..post import BETWEEN_THE_LINES
from ..scene import START

OVER = START - timedelta(seconds=1)
"""When a lease that is over was over."""


@dataclass
class Eye:
    """Looks at one attendee's situation: against the invitation that stands. ``sequences`` are those it came across."""

    standing: Invitation
    sequences: set[int]

    def see(self, value: Any) -> Any:
        """A form of ``value`` that is equal for what is alike."""
        form = FORMS.get(type(value))
        if form is not None:
            return form(self, value)
        if isinstance(value, (list, tuple)):
            return tuple(map(self.see, value))
        if isinstance(value, Mapping):
            return tuple(map(self.see, value.items()))
        if value is None or isinstance(value, (str, int, float, bytes, Enum)):
            return value
        raise TypeError(f"nobody has said when two of {type(value).__name__} are alike")

    def sequence(self, number: int | None) -> int | None:
        return None if number is None else number - self.standing.allocated

    def invitation(self, one: Invitation) -> Any:
        if one.fence != self.standing.fence:
            return None
        free = one.lease_until is None or one.lease_until <= OVER
        return (
            one.poke == self.standing.poke,
            one.generation,
            one.repair,
            one.resend,
            self.sequence(one.allocated),
            self.sequence(one.exposed),
            self.see(one.heard),
            self.see(one.intent),
            self.see(one.acknowledged),
            free,
            one.owed_at is None,
        )

    def told(self, one: Told) -> Any:
        self.sequences.add(one.sequence)
        return (
            one.generation,
            self.sequence(one.sequence),
            one.method,
            one.recipient,
            one.title,
            one.fingerprint,
            one.whole,
            one.separate,
            one.spent,
            one.dates,
            one.certain,
        )

    def intent(self, one: Intent) -> Any:
        mine = self.standing.intent is not None and one.attempt == self.standing.intent.attempt
        return self.see(one.told), mine, one.unknowns, one.repair, one.resend, one.failed

    def acknowledged(self, one: Acknowledged) -> Any:
        return self.see(one.told), one.repair, one.resend

    def letter(self, one: Letter) -> Any:
        method, uid, sequence, _dtstamp, *rest = one.calendar.decode().split(BETWEEN_THE_LINES)
        self.sequences.add(int(sequence))
        return method, uid, self.sequence(int(sequence)), *rest

    def message(self, one: Message) -> Any:
        about = one.method, one.generation, one.date, one.separate
        return *about, one.attendee.email, one.title, one.fingerprint, self.see(one.upon)


def _nothing(_eye: Eye, _value: Any) -> None:
    """The same for everybody in this world."""


FORMS: dict[type, Callable[[Eye, Any], Any]] = {
    Invitation: Eye.invitation,
    Told: Eye.told,
    Intent: Eye.intent,
    Acknowledged: Eye.acknowledged,
    Letter: Eye.letter,
    Message: Eye.message,
    Posted: lambda eye, posted: eye.see(posted.letter),
    Event: lambda _, event: (event.status, event.title),
    Registration: lambda _, person: (person.status, person.email),
    Fan: lambda _, fan: (fan.version, fan.cursor),
    Slice: lambda _, part: (part.version, part.cursor),
    Seen: lambda eye, seen: (eye.see(seen.invitation), eye.see(seen.registration), eye.see(seen.event)),
    Plan: lambda eye, plan: (eye.see(plan.message), eye.see(plan.repeats)),
    Clear: lambda eye, effect: (
        "Clear",
        effect.seen.fence == eye.standing.fence,
        effect.seen.poke == eye.standing.poke,
    ),
    GiveBack: lambda eye, effect: (
        "GiveBack",
        eye.see(effect.claimed),
        eye.see(effect.before.heard),
        effect.failed,
        effect.owed_at is None,
    ),
    Wait: lambda eye, effect: ("Wait", eye.see(effect.claimed)),
    Acknowledge: lambda eye, effect: (
        "Acknowledge",
        eye.see(effect.claimed),
        eye.see(effect.acknowledged),
        effect.owed_at is None,
    ),
    Poke: lambda _, effect: ("Poke", effect.repair),
    Sent: lambda eye, effect: ("Sent", eye.sequence(effect.sequence)),
    Send: lambda eye, effect: ("Send", eye.see(effect.letter), eye.see(effect.intent)),
    MoveFan: lambda eye, effect: ("MoveFan", eye.see(effect.slice), effect.cursor),
    EndFan: lambda eye, effect: ("EndFan", eye.see(effect.slice)),
    Worker: _nothing,
    Times: _nothing,
    Sending: _nothing,
    datetime: _nothing,
}
