"""When two situations of one attendee differ in nothing that matters to what can happen from here on.

Numbers that are only compared are calendar_state by how they compare: a fence or a count of wakeups by whether it is
still the one that stands (it never comes back), a SEQUENCE by its distance from the highest that was given. Instants
are left out: there is no clock, and of a lease only whether it stands counts. So is ``asked``, since nobody answers
here, and what is only shown to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from convoke.decision.calendar_state import CalendarState, Message, RenderedMail
from convoke.decision.invitation import (
    Acknowledged,
    Batch,
    FanOut,
    Intent,
    Invitation,
    Sending,
    StoredMessage,
)
from convoke.decision.plan import Plan, Snapshot
from convoke.delivery.attempts import Attempts, Claimed, Policy
from convoke.delivery.reconcile import Worker
from convoke.effects import (
    Acknowledge,
    ClearDue,
    EndFanOut,
    HoldClaim,
    MoveFanOut,
    RecordMessageState,
    ReleaseClaim,
    Send,
    WakeUp,
)
from convoke.model import Event, Registration
from convoke.settings import Times

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
            one.wakeups == self.standing.wakeups,
            one.generation,
            one.repair,
            one.resend,
            self.sequence(one.allocated),
            self.sequence(one.highest_possibly_sent),
            self.see(one.possibly_sent),
            self.see(one.intent),
            self.see(one.acknowledged),
            free,
            one.due_key is None,
        )

    def told(self, one: CalendarState) -> Any:
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
        return self.see(one.calendar_state), mine, one.unknowns, one.repair, one.resend, one.failed

    def acknowledged(self, one: Acknowledged) -> Any:
        return self.see(one.calendar_state), one.repair, one.resend

    def rendered(self, one: RenderedMail) -> Any:
        method, uid, sequence, _dtstamp, *rest = one.calendar.decode().split(BETWEEN_THE_LINES)
        self.sequences.add(int(sequence))
        return method, uid, self.sequence(int(sequence)), *rest

    def message(self, one: Message) -> Any:
        about = one.method, one.generation, one.date, one.separate
        return *about, one.attendee.email, one.title, one.fingerprint, self.see(one.state_before)


def _nothing(_eye: Eye, _value: Any) -> None:
    """The same for everybody in this world."""


FORMS: dict[type, Callable[[Eye, Any], Any]] = {
    Invitation: Eye.invitation,
    CalendarState: Eye.told,
    Intent: Eye.intent,
    Acknowledged: Eye.acknowledged,
    RenderedMail: Eye.rendered,
    Message: Eye.message,
    StoredMessage: lambda eye, stored: eye.see(stored.rendered),
    Event: lambda _, event: (event.status, event.title),
    Registration: lambda _, person: (person.status, person.email),
    FanOut: lambda _, fan_out: (fan_out.version, fan_out.cursor),
    Batch: lambda _, part: (part.version, part.cursor),
    Snapshot: lambda eye, seen: (eye.see(seen.invitation), eye.see(seen.registration), eye.see(seen.event)),
    Plan: lambda eye, plan: (eye.see(plan.message), eye.see(plan.repeats)),
    ClearDue: lambda eye, effect: (
        "ClearDue",
        effect.seen.fence == eye.standing.fence,
        effect.seen.wakeups == eye.standing.wakeups,
    ),
    ReleaseClaim: lambda eye, effect: (
        "ReleaseClaim",
        eye.see(effect.claimed),
        eye.see(effect.before.possibly_sent),
        effect.failed,
        effect.due_key is None,
    ),
    HoldClaim: lambda eye, effect: ("HoldClaim", eye.see(effect.claimed)),
    Acknowledge: lambda eye, effect: (
        "Acknowledge",
        eye.see(effect.claimed),
        eye.see(effect.acknowledged),
        effect.due_key is None,
    ),
    WakeUp: lambda _, effect: ("WakeUp", effect.repair),
    RecordMessageState: lambda eye, effect: ("RecordMessageState", eye.sequence(effect.sequence)),
    Send: lambda eye, effect: ("Send", eye.see(effect.rendered), eye.see(effect.intent)),
    MoveFanOut: lambda eye, effect: ("MoveFanOut", eye.see(effect.batch), effect.cursor),
    EndFanOut: lambda eye, effect: ("EndFanOut", eye.see(effect.batch)),
    Attempts: lambda _, tried: (tried.stage, tried.unknown),
    Claimed: lambda eye, begun: eye.see(begun.before),
    Policy: _nothing,
    Worker: _nothing,
    Times: _nothing,
    Sending: _nothing,
    datetime: _nothing,
}
