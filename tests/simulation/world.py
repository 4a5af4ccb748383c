"""A world that answers the protocol's effects: one clock, one agenda, one thing at a time, all of it from one seed.

Functions run as production drives them: a stream record, a queued hint, a minute or a report starts a generator.
Each effect takes its time, so that many workers interleave; and a worker may die, or be slow, at any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from convoke import effects, fanout, feedback, fingerprints, reconcile, series, survey, sweep
from convoke.effects import Ending, Steps
from convoke.ledger import Slice
from convoke.model import ConvokeError, Event, RegistrationStatus, Sender
from convoke.reconcile import Worker
from convoke.settings import Settings, Times
from convoke.store import erasure, items, keys, line
from convoke.store.attention import Surveys
from convoke.store.invitations import Invitations
from convoke.store.reads import Reads
from convoke.store.records import Records

from .faults import ANSWERS, ON_THE_WAY, Faults, Mode
from .post import Answer, Attempt, Post, write
from .tables import Tables, refused

START = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
EVENT_ID = "0123456789abcdefghijklmnop"
SENDER = Sender(address="events@convoke.example.com", domain="convoke.example.com")
SETTINGS = Settings(
    registrations_table="Registrations",
    invitations_table="Invitations",
    accounts_table="Accounts",
    webhooks_table="Webhooks",
    urgent_queue="Urgent",
    ordinary_queue="Ordinary",
    hooks_queue="HooksDue",
    sender=SENDER,
    configuration_set="Sending",
)
TIMES = Times()
SLICE = 2
FUNCTION = TIMES.function.total_seconds()
CALL = 5.0
VISIBILITY = 180.0
RECEIVES = 5
EVER = 1 << 60

_CONTENT_1 = fingerprints._CONTENT[1]


def _content_2(event: Event) -> dict[str, object]:
    return {**_CONTENT_1(event), "learned": "to say more"}


DEPLOYED = {1: {1: _CONTENT_1}, 2: {1: _CONTENT_1, 2: _content_2}}
"""What the deployed code can say, by its schema, and what the next one can: the older does not know the newer one's."""


class Crash(BaseException):
    """A function died: nothing after this happens."""


LOST = dict(zip(ANSWERS, ("conflict", "repeated", "unanswered"), strict=True))
FAILURES = (ClientError, BotoCoreError, ConvokeError, KeyError)
NOTED = frozenset(
    {
        effects.Claim,
        effects.GiveBack,
        effects.Acknowledge,
        effects.Poke,
        effects.MoveFan,
        effects.EndFan,
        effects.Enqueue,
    }
)
WRITES = frozenset(
    {effects.Claim, effects.Clear, effects.Acknowledge, effects.GiveBack, effects.Send, effects.MoveFan, effects.EndFan}
)
LOCAL = frozenset({effects.Clock, effects.Chance, effects.Name, effects.Tell, effects.Render})


class Run:
    """One invocation of a function: a piece of protocol on its way, effect by effect."""

    __slots__ = ("alive", "attempt", "began", "done", "kill", "name", "schema", "skew", "steps", "worker", "world")

    def __init__(self, world: World, name: str, done: Callable[[bool], None] | None) -> None:
        self.world, self.name, self.done = world, name, done
        random = world.random
        self.skew = 3 * (random() - 0.5) if world.faults.hit("clock skew") else 0.0
        self.began = world.now
        self.kill = world.now + FUNCTION
        self.schema = 2 if world.now >= world.deployed_at + 15 * random() else 1
        self.worker = Worker(sender=SENDER, deadline=world.instant(self.skew + FUNCTION), times=TIMES)
        self.attempt: Attempt | None = None
        self.alive = True
        self.steps: Steps[Any]

    def go(self, steps: Steps[Any]) -> None:
        self.steps = steps
        self.advance(None)

    def advance(self, answer: Any) -> None:
        """Give the last effect's answer, and set out for the next."""
        world = self.world
        while True:
            world.as_deployed(self.schema)
            try:
                effect = self.steps.send(answer)
            except StopIteration as stop:
                if world.trace is not None:
                    world.note(f"{self.name}: {stop.value}")
                return self.end(True)
            except FAILURES as error:
                return self.fail(error)
            kind = type(effect)
            if kind not in LOCAL:
                break
            answer = self.local(effect)
        world.at(world.latency(self), lambda: self.do(effect))
        return None

    def local(self, effect: Any) -> Any:
        world = self.world
        match effect:
            case effects.Clock():
                return world.instant(self.skew)
            case effects.Name():
                world.names += 1
                return f"attempt-{world.names}"
            case effects.Chance():
                return world.random()
            case effects.Render(message=message, intent=intent):
                return write(message, intent, self.schema)
            case effects.Tell(what=what, facts=facts):
                return world.note(f"{self.name} tells: {what} {facts}")

    def do(self, effect: Any) -> None:
        world = self.world
        if not self.alive:
            return None
        if world.now > self.kill:
            world.note(f"{self.name}: its time is over")
            return self.end(False)
        if world.mischief and type(effect) in WRITES and world.random() < 0.15:
            # Just now, of all moments, somebody does something, and this worker comes late.
            world.mischief.pop(0)()
            return world.at(8 * world.random() ** 2, lambda: self.do(effect))
        crash = world.faults.one_of("crash before an effect", "crash after an effect")
        try:
            if crash == "crash before an effect":
                raise Crash(crash)
            if type(effect) is effects.Send:
                world.note(f"{self.name}: Send {effect.intent.told.sequence}")
                world.post.send(effect, self.answered)
                if crash:
                    raise Crash(crash)
                return None
            answer = self.perform(effect)
            if world.trace is not None:
                world.note(f"{self.name}: {brief(effect)} -> {brief(answer)}")
            if crash:
                raise Crash(crash)
        except Crash as error:
            world.note(f"{self.name}: {error} {type(effect).__name__}")
            return self.end(False)
        except FAILURES as error:
            return self.fail(error)
        return self.advance(answer)

    def perform(self, effect: Any) -> Any:
        """The effect, with a note of what its worker knows of each message it set out to send."""
        kind = type(effect)
        if kind not in NOTED:
            return self.world.perform(effect)
        match effect:
            case effects.Claim(intent=intent, seen=seen):
                told = intent.told
                about = (told.date_told(told.date) if told.date else None) or told
                assert about.when is not None
                mine = Attempt(
                    intent.attempt,
                    seen.registration_id,
                    told.uid,
                    told.sequence,
                    told.method.value,
                    (about.title, about.when.start.isoformat(), about.location),
                    (RegistrationStatus.REGISTERED, told.recipient),
                    self.began,
                    self.world.now,
                )
                self.world.post.attempts.append(mine)
                try:
                    claimed = self.world.perform(effect)
                finally:
                    mine.until = self.world.now
                mine.claimed = claimed is not None
                if claimed is None:
                    self.world.post.attempts.remove(mine)
                self.attempt = mine
                return claimed
            case effects.GiveBack():
                try:
                    return self.world.perform(effect)
                finally:
                    # Also where the answer was lost on its way: the checker judges by what stands.
                    if self.attempt is not None and self.world.given_back(effect):
                        self.attempt.fate = "failed" if effect.failed else "refused"
            case effects.Acknowledge():
                answer = self.world.perform(effect)
                if self.attempt is not None:
                    self.attempt.fate = "overtaken" if answer is Ending.OVERTAKEN else "accepted"
                return answer
            case effects.Poke():
                self.world.perform(effect)
                if self.attempt is not None and self.attempt.fate == "overtaken":
                    self.attempt.fate = "mended"
                return None
            case effects.MoveFan(slice=part) | effects.EndFan(slice=part):
                moved = self.world.perform(effect)
                if moved and getattr(effect, "cursor", None) != part.cursor:
                    self.world.passed.append((part.version, part.cursor))
                return moved
            case effects.Enqueue():
                return self.world.enqueue(effect, sweeping=self.name == "sweep")
        raise TypeError(effect)

    def answered(self, answer: Answer) -> None:
        if not self.alive:
            return None
        if self.world.now > self.kill:
            return self.end(False)
        if self.world.trace is not None:
            self.world.note(f"{self.name}: SES says {brief(answer)}")
        return self.advance(answer)

    def fail(self, error: BaseException) -> None:
        self.world.note(f"{self.name}: raised {type(error).__name__} {error}")
        self.end(False)

    def end(self, well: bool) -> None:
        self.alive = False
        self.world.runs.pop(self, None)
        if self.done is not None:
            self.done(well)


def brief(thing: Any) -> str:
    """For a trace: no more than one wants to read."""
    name = type(thing).__name__
    if isinstance(thing, tuple):
        return "(" + ", ".join(brief(part) for part in thing) + ")"
    if name == "Invitation":
        pending, last = thing.intent, thing.acknowledged
        words = f"fence={thing.fence} poke={thing.poke} allocated={thing.allocated} exposed={thing.exposed}"
        words += f" intent={pending.told.method}{pending.told.sequence}" if pending else ""
        words += f" acknowledged={last.told.method}{last.told.sequence}" if last else ""
        words += f" lease={_hour(thing.lease_until)} owed={_owed(thing.owed_at)} {thing.state}"
        return f"Invitation({thing.registration_id[6:10]} {words})"
    if name == "Registration":
        return f"Registration({thing.registration_id[6:10]} {thing.status} {thing.email})"
    if name == "Event":
        return f"Event(v{thing.version} {thing.status} {thing.title} {thing.when.start:%d %H:%M} {thing.location})"
    if name == "Posted":
        return f"Posted({thing.told.sequence})"
    if name in ("Claim", "Clear", "GiveBack", "Wait", "Acknowledge", "Amend"):
        seen = getattr(thing, "seen", None) or thing.claimed
        words = f"{seen.registration_id[6:10]} fence={seen.fence} poke={seen.poke}"
        if name == "Claim":
            told = thing.intent.told
            words += f" {told.method}{told.sequence} {told.title} {told.recipient} lease={_hour(thing.lease_until)}"
        if hasattr(thing, "owed_at"):
            words += f" owed={_owed(thing.owed_at)}"
        return f"{name}({words})"
    if name in ("ReadInvitation", "ReadRegistration", "ReadPosted"):
        return f"{name}({thing.registration_id[6:10]})"
    if name in ("ReadEvent", "ReadFan", "ReadSending", "Keep"):
        return name
    return str(thing).replace(EVENT_ID, "…").replace("datetime.", "")


def _hour(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at else "none"


def _owed(at: str | None) -> str:
    return f"{at[0]}#{at[13:21]}" if at else "none"


class World:
    """Everything outside the protocol, for one history."""

    def __init__(self, seed: int, mode: Mode = Mode.ALL, *, traced: bool = False) -> None:
        self.seed = seed
        self.dice = Random(seed)  # noqa: S311 (chance, not a secret)
        self.random = self.dice.random
        self.mode = mode
        self.faults = Faults(self.dice, mode)
        # Seconds that one effect takes at most, as a rule: the slower, the more workers meet.
        self.pace = self.dice.choice((0.05, 0.05, 0.3, 1.0))
        self.trace: list[str] | None = [] if traced else None
        self.now = 0.0
        self.names = 0
        self.runs: dict[Run, None] = {}
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0
        self._depth = 0
        self.tables = Tables(SETTINGS.registrations_table, self._ring, self)
        self.post = Post(self)
        self.truths: dict[str, list[tuple[float, tuple[Any, ...]]]] = {}
        self.mischief: list[Callable[[], None]] = []
        self.passed: list[tuple[int, str]] = []
        self.resends: dict[str, int] = {}
        self.known: list[tuple[str, str]] = []
        self.zombies = False
        self.reports_heard = not self.faults.often["report lost"]
        self.deployed_at = 300 * self.random() if self.faults.hit("deployed") else float(EVER)
        self._does = self._doing()

    # --- time -------------------------------------------------------------------------------------------------

    def instant(self, skew: float = 0.0) -> datetime:
        return START + timedelta(seconds=self.now + skew)

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._entries += 1
        heappush(self.agenda, (self.now + seconds, self._entries, what))

    def step(self) -> None:
        moment, _, what = heappop(self.agenda)
        self.now = max(self.now, moment)
        what()

    def run_until(self, moment: float) -> None:
        while self.agenda and self.agenda[0][0] <= moment:
            self.step()
        self.now = max(self.now, moment)

    def latency(self, run: Run) -> float:
        if self.faults.hit("zombie"):
            run.kill, self.zombies = EVER, True
            return 40 + 120 * self.random()
        if self.faults.hit("slow"):
            return 25 * self.random()
        return self.pace * self.random()

    def note(self, text: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{START + timedelta(seconds=self.now):%H:%M:%S.%f} {text}")

    def as_deployed(self, schema: int) -> None:
        """The code of one deployment speaks in its own schema and does not know the next."""
        if schema != fingerprints.SCHEMA:
            fingerprints.SCHEMA = schema
            fingerprints._CONTENT = DEPLOYED[schema]

    # --- faults of calls to the tables (see ``tables.Line``) --------------------------------------------------

    def before(self) -> None:
        if self.random() >= self.faults.wire:
            return
        match self.faults.which(ON_THE_WAY):
            case "crash inside an effect":
                raise Crash("crash inside an effect")
            case "throttled":
                raise refused("ThrottlingException", "Call")
        self.meanwhile()

    def meanwhile(self) -> None:
        """Others work while a call is on its way: for as long as its client waits for it."""
        if self._depth < 2:
            self._depth += 1
            until = self.now + CALL
            try:
                for _ in range(self.dice.randrange(1, 12)):
                    if self.agenda and self.agenda[0][0] <= until:
                        self.step()
            finally:
                self._depth -= 1

    def lost(self) -> str:
        return "" if self.random() >= self.faults.answers else LOST[self.faults.which(ANSWERS)]

    # --- what starts functions --------------------------------------------------------------------------------

    def start(self, name: str, steps: Callable[[Run], Steps[Any]], done: Callable[[bool], None] | None = None) -> None:
        run = Run(self, name, done)
        self.runs[run] = None
        run.go(steps(run))

    def _ring(self, pk: str, sk: str) -> None:
        """A write to the registrations table: its key goes into the stream."""
        row = self.tables.rows[SETTINGS.registrations_table][pk].get(sk)
        if row is None:
            return
        if sk == keys.EVENT:
            event = items.event_of(row)
            true: tuple[Any, ...] = (
                (event.title, event.when.start.isoformat(), event.location),
                *((one.title, one.when.start.isoformat(), one.location) for one in series.occurrences(event)),
            )
        elif sk.startswith(keys.REGISTRATION_PREFIX):
            person = items.registration_of(row)
            true = ((person.status, person.email),)
        else:
            return
        self.truths.setdefault(sk, []).append((self.now, true))
        if self.faults.hit("record lost"):
            return
        after = 0.2 + 0.5 * self.random()
        if self.faults.hit("record late"):
            after += 120 * self.random()
        self.at(after, lambda: self.notify(sk, 2))
        if self.faults.hit("record doubled"):
            self.at(after + 60 * self.random(), lambda: self.notify(sk, 2))

    def notify(self, sk: str, retries: int) -> None:
        """As ``functions/notify.py``: a record that fails is tried again, a few times."""

        def done(well: bool) -> None:
            if not well and retries:
                self.at(2 + FUNCTION * self.random(), lambda: self.notify(sk, retries - 1))

        if sk == keys.EVENT:
            self.start("notify event", lambda _: fanout.announce(EVENT_ID), done)
        else:
            rid = sk.removeprefix(keys.REGISTRATION_PREFIX)
            self.start(f"notify {rid[6:10]}", lambda run: reconcile.reconcile(EVENT_ID, rid, run.worker), done)

    def enqueue(self, effect: effects.Enqueue, sweeping: bool = False) -> None:
        often = self.faults
        if not (sweeping and self.mode is Mode.HINTS) and often.hit("hint lost"):
            return
        after = effect.delay_seconds + 0.05 + 0.2 * self.random()
        if often.hit("hint late"):
            after += 200 * self.random()
        hint = effect.hint
        self.at(after, lambda: self.deliver(hint, RECEIVES))
        if often.hit("hint doubled"):
            self.at(after + 30 * self.random(), lambda: self.deliver(hint, RECEIVES))

    def deliver(self, hint: Slice | effects.Hint | effects.NoteHint | effects.SurveyHint, receives: int) -> None:
        """As ``functions/deliver.py``: a hint whose function failed is seen again, until it is put aside."""

        def done(well: bool) -> None:
            if not well and receives > 1:
                self.at(VISIBILITY, lambda: self.deliver(hint, receives - 1))

        if isinstance(hint, Slice):
            part = hint
            name = f"deliver slice v{part.version} after {part.cursor[6:10]}"
            self.start(name, lambda run: fanout.tell_slice(part, run.worker, size=SLICE), done)
        elif isinstance(hint, effects.SurveyHint):
            look = hint
            self.start("survey", lambda run: survey.survey(look, run.worker, size=SLICE), done)
        else:
            rid = hint.registration_id
            self.start(f"deliver {rid[6:10]}", lambda run: reconcile.reconcile(EVENT_ID, rid, run.worker), done)

    def tick(self) -> None:
        """A minute has passed."""
        if not self.faults.hit("tick lost"):
            self.start("sweep", lambda _: sweep.sweep(SENDER, TIMES, limit=100))

    def hear(self, report: feedback.Report, retries: int = 2) -> None:
        def done(well: bool) -> None:
            if not well and retries:
                self.at(60 * self.random(), lambda: self.hear(report, retries - 1))
            elif not well:
                self.reports_heard = False

        self.start(f"feedback {report.state}", lambda _: feedback.hear(report), done)

    # --- effects ----------------------------------------------------------------------------------------------

    def perform(self, effect: Any) -> Any:
        """What is stored, by production's own store over the fake tables."""
        return self._does[type(effect)](effect)

    def given_back(self, effect: effects.GiveBack) -> bool:
        """Whether this claim was given back, in the table itself."""
        key = keys.registration(EVENT_ID, effect.claimed.registration_id)
        row = self.tables.row(SETTINGS.invitations_table, key)
        standing = items.invitation_of(row) if row is not None else None
        mine = effect.claimed.intent
        return (
            standing is not None
            and standing.lease_until is None
            and standing.intent is not None
            and mine is not None
            and standing.intent.attempt == mine.attempt
        )

    def _doing(self) -> dict[type[effects.Effect], Callable[[Any], Any]]:
        reads, invitations, records, surveys = (
            Reads(self.tables, SETTINGS),
            Invitations(self.tables, SETTINGS),
            Records(self.tables, SETTINGS),
            Surveys(self.tables, SETTINGS),
        )
        return {
            effects.ReadSending: lambda _: reads.sending(),
            effects.ReadInvitation: lambda effect: reads.invitation(effect.event_id, effect.registration_id),
            effects.ReadRegistration: lambda effect: reads.registration(effect.event_id, effect.registration_id),
            effects.ReadEvent: lambda effect: reads.event(effect.event_id),
            effects.ReadPosted: lambda effect: reads.posted(effect.registration_id, effect.sequence),
            effects.ReadFan: lambda effect: reads.fan(effect.event_id),
            effects.ReadInvitations: lambda effect: reads.invitations(effect.event_id, effect.after, effect.limit),
            effects.ReadRegistrations: lambda effect: reads.registrations(
                effect.event_id, effect.after, effect.through
            ),
            effects.ReadDue: lambda effect: (
                ()
                if self.faults.hit("index lags")
                else reads.due(effect.shard, effect.priority, effect.now, effect.limit)
            ),
            effects.ReadQuota: lambda _: None,
            effects.ReadBacklog: lambda _: 0,
            effects.Clear: invitations.clear,
            effects.Claim: invitations.claim,
            effects.GiveBack: invitations.give_back,
            effects.Wait: invitations.wait,
            effects.Acknowledge: invitations.acknowledge,
            effects.Amend: invitations.amend,
            effects.Poke: invitations.poke,
            effects.Keep: lambda effect: records.keep(effect.posted),
            effects.Sent: records.sent,
            effects.Watch: surveys.watch,
            effects.ReadSurvey: lambda effect: surveys.read(effect.event_id),
            effects.ReadMessages: lambda effect: reads.messages(effect.registration_id),
            effects.ReadUnreached: surveys.unreached,
            effects.KeepUnreached: surveys.keep,
            effects.EndSurvey: surveys.end,
            # What a summary says is for the organizer; nothing here is told by it.
            effects.OweNote: lambda _: True,
            effects.MoveFan: records.move_fan,
            effects.EndFan: records.end_fan,
            effects.PutOff: records.put_off,
            effects.StopSending: records.stop_sending,
            effects.Promote: lambda effect: line.promote(self.tables, SETTINGS, effect.event_id, now=self.instant()),
            effects.Forget: lambda effect: erasure.forget(
                self.tables, SETTINGS, EVENT_ID, effect.due.registration_id, now=self.instant()
            ),
        }
