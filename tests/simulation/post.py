"""SES and what lies behind it: accepts, refuses, answers late or never, delivers, reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from convoke.decision.calendar_state import Message, RenderedMail
from convoke.decision.invitation import Intent
from convoke.effects import Accepted, Refusal, Refused, Send, Unknown
from convoke.model import DeliveryState, Event, EventStatus, LocalTime, Registration, RegistrationStatus
from convoke.schedule import series, series_changes
from convoke.store import codec, keys
from tests import rfc5546
from tests.factories import report_on

from .scene import EVENT_ID, SETTINGS

if TYPE_CHECKING:
    from .world import World

Answer = Accepted | Refused | Unknown

READ_TIMEOUT = 10.0
BETWEEN_THE_LINES = "\x1f"


@dataclass(slots=True)
class Attempt:
    """One worker's claim to send one message: what, to whom, and what came of it as far as the worker knows.

    It ``began`` to look at one moment, and claimed between ``at`` and ``until``.
    """

    name: str
    registration_id: str
    uid: str
    sequence: int
    method: str
    said: tuple[str, ...]
    to: tuple[str, ...]
    began: float
    at: float
    until: float = 0.0
    claimed: bool = False
    fate: str = "unknown"


@dataclass(frozen=True, slots=True)
class Copy:
    """One mail that SES accepted."""

    at: float
    attempt: str
    registration_id: str
    uid: str
    sequence: int
    method: str
    dtstamp: str
    recipient: str
    content: tuple[str, ...]
    calendar: bytes
    said: rfc5546.Message
    cancelled: bool = False
    """Whether the event did not take place when it left."""
    announces: bool = False
    """Whether it is decided that this is what it says."""
    ends: int | None = None
    """Of a message that cancels the last of the dates that somebody comes to, of an event that takes place: the version
    of their registration.
    """


def write(message: Message, intent: Intent, schema: int) -> RenderedMail:
    """A letter whose bytes stand for all that the real one would say, and for the code that wrote it."""
    words = (
        message.method.value,
        message.entry_uid,
        str(intent.calendar_state.sequence),
        intent.calendar_state.dtstamp.isoformat(),
        message.attendee.email,
        message.title,
        message.when.start.isoformat(),
        message.location,
        message.status.value,
        f"written by schema {schema}",
        message.recurrence_id.isoformat() if message.recurrence_id else "",
        message.when.end.isoformat(),
        message.rule or "",
        " ".join(local_time.isoformat() for local_time in message.without),
    )
    return RenderedMail(calendar=BETWEEN_THE_LINES.join(words).encode(), mail=b"")


def read(calendar: bytes) -> rfc5546.Message:
    """What :func:`write` wrote, as a calendar understands it. The simulated events are all in UTC."""
    method, uid, sequence, dtstamp, _, title, start, location, status, _, date, end, rule, without = (
        calendar.decode().split(BETWEEN_THE_LINES)
    )
    return rfc5546.Message(
        method=method,
        uid=uid,
        sequence=int(sequence),
        dtstamp=datetime.fromisoformat(dtstamp),
        recurrence_id=_utc(date) if date else None,
        start=_utc(start),
        end=_utc(end),
        rule=rule,
        excluded=tuple(map(_utc, without.split())),
        title=title,
        location=location,
        status=status.upper(),
    )


def _utc(local_time: str) -> datetime:
    return datetime.fromisoformat(local_time).replace(tzinfo=UTC)


class Post:
    """``tries`` is how often the client asks by itself: once, unless a mutant lets it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.attempts: list[Attempt] = []
        self.accepted: list[Copy] = []
        self.arrived: list[tuple[float, Copy]] = []
        self.delivered: set[tuple[str, int]] = set()
        self.closed_until = {"SES is paused": 0.0, "quota spent": 0.0}
        self.bad: set[str] = set()
        self.returned: set[tuple[str, str]] = set()
        self.came_back: set[tuple[str, int]] = set()
        self.tries = 1

    def send(self, effect: Send, answer: Callable[[Answer], None], tries: int = 0) -> None:
        """Take one request; ``answer`` is called when the client knows, or believes that it never will."""
        said, seconds = self._receive(effect)
        if not isinstance(said, Accepted) and tries + 1 < self.tries:
            self._world.at(seconds, lambda: self.send(effect, answer, tries + 1))
        else:
            self._world.at(seconds, lambda: answer(said))

    def _receive(self, effect: Send) -> tuple[Answer, float]:
        world, faults, random = self._world, self._world.faults, self._world.random
        if world.now < self.closed_until["SES is paused"]:
            return Refused(refusal=Refusal.PAUSED, why="SendingPausedException"), 0.1
        if world.now < self.closed_until["quota spent"]:
            return Refused(refusal=Refusal.QUOTA, why="LimitExceededException"), 0.1
        fault = faults.one_of(
            "SES throttles",
            "SES cannot be reached",
            "SES never got it",
            "SES got it, its answer is lost",
            "SES accepts late",
            "SES breaks",
            "SES rejects",
        )
        ses_id = f"ses-{len(self.accepted)}-{effect.intent.attempt}"
        if fault and world.trace is not None:
            world.note(f"  {fault}")
        match fault:
            case "SES throttles":
                return Refused(refusal=Refusal.BUSY, why="ThrottlingException"), 0.1
            case "SES cannot be reached":
                return Refused(refusal=Refusal.BUSY, why="ConnectTimeoutError"), 3.0
            case "SES never got it":
                return Unknown(why="ReadTimeoutError"), READ_TIMEOUT
            case "SES rejects":
                return Refused(refusal=Refusal.POISON, why="MessageRejected"), 0.1
            case "SES got it, its answer is lost":
                self._accept(effect, ses_id, 0.2)
                return Unknown(why="ReadTimeoutError"), READ_TIMEOUT if random() < 0.5 else 0.3
            case "SES breaks":
                if random() < 0.5:
                    self._accept(effect, ses_id, 0.1)
                return Unknown(why="InternalServiceErrorException"), 0.2
            case "SES accepts late":
                after = 2 + 12 * random()
                self._accept(effect, ses_id, after)
                if after < READ_TIMEOUT:
                    return Accepted(ses_id=ses_id), after + 0.02
                return Unknown(why="ReadTimeoutError"), READ_TIMEOUT
        after = 0.02 + 0.1 * random()
        self._accept(effect, ses_id, after)
        return Accepted(ses_id=ses_id), after + 0.02

    def _accept(self, effect: Send, ses_id: str, after: float) -> None:
        self._world.at(after, lambda: self._accepted(effect, ses_id))

    def last_to(self, rid: str, address: str) -> Copy | None:
        """The last message to somebody, if it went to this address."""
        mine = [copy for copy in self.accepted if copy.registration_id == rid]
        return mine[-1] if mine and mine[-1].recipient == address else None

    def _is_cancelled(self, since: datetime | None = None) -> bool:
        """Whether the event does not take place; ``since``: and was not changed since then."""
        event = self._world.tables.row(SETTINGS.registrations_table, keys.event(EVENT_ID))
        # To a draft somebody may still come back, who is shown it anew.
        closed = (EventStatus.CANCELLED, EventStatus.DRAFT) if since is None else (EventStatus.CANCELLED,)
        if event is None or event["status"] not in closed:
            return False
        return since is None or since >= datetime.fromisoformat(event["updated_at"])

    def _is_date_cancelled(self, date: LocalTime | None) -> bool:
        """Whether this date is cancelled by itself: its CANCEL may have been decided before that of the event."""
        row = self._world.tables.row(SETTINGS.registrations_table, keys.event(EVENT_ID))
        if row is None or date is None:
            return False
        found = series.by_name(codec.read(Event, row)).get(date)
        return found is not None and found.cancelled

    def _ends(self, effect: Send) -> int | None:
        """See :attr:`Copy.ends`; ``None`` where the event was changed since it was decided, or somebody comes to a date
        of which they were never sent anything.
        """
        rid, state = effect.registration_id, effect.intent.calendar_state
        row = self._world.tables.row(SETTINGS.registrations_table, keys.event(EVENT_ID))
        found = self._world.tables.row(SETTINGS.registrations_table, keys.registration(EVENT_ID, rid))
        if row is None or found is None or not state.gone:
            return None
        event, person = codec.read(Event, row), codec.read(Registration, found)
        comes = person.status is RegistrationStatus.REGISTERED and event.status.expects_people
        chosen = series_changes.chosen(event, person.occurrences or (), person.named)
        gone = bool(chosen) and all(one is not None and one.cancelled for one in chosen.values())
        sent = chosen.keys() <= {one.date for one in state.dates}
        return person.version if comes and gone and sent and state.dtstamp >= event.updated_at else None

    def _accepted(self, effect: Send, ses_id: str) -> None:
        world, faults, random = self._world, self._world.faults, self._world.random
        method, uid, sequence, dtstamp, recipient, *content = effect.rendered.calendar.decode().split(BETWEEN_THE_LINES)
        copy = Copy(
            at=world.now,
            attempt=effect.intent.attempt,
            registration_id=effect.registration_id,
            uid=uid,
            sequence=int(sequence),
            method=method,
            dtstamp=dtstamp,
            recipient=recipient,
            content=tuple(content),
            calendar=effect.rendered.calendar,
            said=read(effect.rendered.calendar),
            cancelled=self._is_cancelled(),
            announces=self._is_cancelled(effect.intent.calendar_state.dtstamp)
            and not self._is_date_cancelled(effect.intent.calendar_state.date),
            ends=self._ends(effect),
        )
        self.accepted.append(copy)
        if world.trace is not None:
            world.note(
                f"  SES accepts {method} {uid[37:46]}… SEQUENCE {sequence} for {recipient}: {content[0]} {content[1]}"
            )
        self._report(effect, ses_id, DeliveryState.ACCEPTED, 0.3)
        after = 0.5 + 2 * random()
        if faults.hit("mail late"):
            after = 600 * random()
        back = recipient in self.bad or faults.hit("comes back for now")
        if back:
            self.came_back.add((copy.registration_id, copy.sequence))
        if recipient in self.bad:
            self._report(effect, ses_id, DeliveryState.BOUNCED, after, final=True)
        elif back:
            self._report(effect, ses_id, DeliveryState.BOUNCED, after)
        else:
            world.at(after, lambda: self._arrive(effect, ses_id, copy))

    def _arrive(self, effect: Send, ses_id: str, copy: Copy) -> None:
        self.arrived.append((self._world.now, copy))
        self.delivered.add((copy.uid, copy.sequence))
        self._report(effect, ses_id, DeliveryState.DELIVERED, 0.0)
        if self._world.faults.hit("complains"):
            self._report(effect, ses_id, DeliveryState.COMPLAINED, 20 * self._world.random(), final=True)

    def _report(self, effect: Send, ses_id: str, state: DeliveryState, after: float, *, final: bool = False) -> None:
        faults, random = self._world.faults, self._world.random
        if final:
            self.returned.add((effect.registration_id, effect.intent.calendar_state.recipient))
        if faults.hit("report lost"):
            return
        at = self._world.instant() + timedelta(seconds=after)
        report = report_on(effect, state, at, final=final, ses_id=ses_id)
        if faults.hit("report late"):
            after += 300 * random()
        self._world.at(after, lambda: self._world.apply_report(report))
        if faults.hit("report doubled"):
            self._world.at(after + 60 * random(), lambda: self._world.apply_report(report))

    def close(self, kind: str, seconds: float) -> None:
        self.closed_until[kind] = self._world.now + seconds

    def open(self) -> None:
        self.closed_until = dict.fromkeys(self.closed_until, 0.0)
