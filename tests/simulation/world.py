"""A world that answers the protocol's effects: one clock, one agenda, one thing at a time, all of it from one seed.

Functions run as production drives them: a stream record, a queued hint, a minute or a report starts a generator.
Each effect takes its time, so that many workers interleave; and a worker may die, or be slow, at any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any

from convoke import effects
from convoke.decision import fingerprints
from convoke.decision.fan_out import Batch
from convoke.decision.invitation import Invitation
from convoke.delivery import audit, fan_out, notify, reconcile, reports, ses_events, survey, sweep, webhooks
from convoke.effects import Steps
from convoke.model import Event, Registration, RegistrationStatus
from convoke.registrations import erasure, returning, waitlist
from convoke.schedule import series
from convoke.store import codec, deliveries, keys
from convoke.store.store import PERFORMED, Store

from . import notifications
from .faults import ANSWERS, ON_THE_WAY, Faults, Mode
from .holds import Holds
from .post import Post
from .receivers import Receivers
from .scene import EVENT_ID, SENDER, SETTINGS, START, TIMES
from .tables import Tables, refused
from .worker import FAILURES, FUNCTION, Crash, Run

BATCH, PAGE, AT_ONCE, FEW = 2, 2, 2, 2
"""People in a batch, batches in a page, people at once: so few that a handful of people fill several pages."""
CALL = 5.0
VISIBILITY = 180.0
RECEIVES = 5
EVER = 1 << 60
WAITING = (RegistrationStatus.PENDING, RegistrationStatus.WAITLISTED)
TORN = 0.3
"""How often, at its worst, a read of several rows is not of one moment."""

_CONTENT_1 = fingerprints._CONTENT[1]


def _content_2(event: Event) -> dict[str, object]:
    return {**_CONTENT_1(event), "learned": "to say more"}


DEPLOYED = {1: {1: _CONTENT_1}, 2: {1: _CONTENT_1, 2: _content_2}}
"""What the deployed code can say, by its schema, and what the next one can: the older does not know the newer one's."""


def _times(event: Event) -> set[tuple[Any, str]]:
    return {(one.when.start, one.location) for one in series.occurrences(event)}


def _told(event: Event) -> tuple[Any, ...]:
    return event.title, event.status, event.location, event.schedule, event.changes


LOST = dict(zip(ANSWERS, ("conflict", "repeated", "unanswered"), strict=True))


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
        self.tables = Tables((SETTINGS.registrations_table, SETTINGS.webhooks_table), self._ring, self)
        self.store = Store(self.tables, SETTINGS)
        self.post = Post(self)
        self.receivers = Receivers(self)
        self.notifications = notifications.Notifications(self)
        self.holds = Holds(self)
        # Of each moment, the titles that count as equal: the present one, and those that nobody was told to forget.
        self.titles: list[tuple[float, frozenset[str]]] = []
        self._equal: dict[Any, frozenset[str]] = {}
        self._event: Event | None = None
        self.truths: dict[str, list[tuple[float, tuple[Any, ...]]]] = {}
        self.mischief: list[Callable[[], None]] = []
        # Batches as they were claimed and given up, and when; and hints that wait although something urgent is told.
        self.taken: list[tuple[Batch, float]] = []
        self.given_up: list[tuple[Batch, float]] = []
        self.delayed: list[str] = []
        # The rate that SES grants, if it is known; and claims without a turn.
        self.rate: float | None = None
        self.unpaced: list[str] = []
        # The latest version that a fan-out has told to its end.
        self.told = 0
        self.resends: dict[str, int] = {}
        self.returning: set[str] = set()
        """Who comes back at this moment to a seat that is kept for them."""
        self.known: list[tuple[str, str]] = []
        self.zombies = False
        # How often a registration meets others at the event's seats, in histories that are about those.
        often = {Mode.ALL: 0.1, Mode.ROWS: 0.1, Mode.CONTENTION: 1.0}.get(mode, 0.0)
        self.contention = self.dice.choice((0.3, 0.6)) if self.random() < often else 0.0
        self.overbooked: list[str] = []
        # How often the organizer set out to accept a registration, how often it was to be withdrawn, and whom they
        # turned down.
        self.accepted: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        # Whose page showed them that they are registered, or wait: they are mailed of it.
        self.shown: set[str] = set()
        self.turned_down: list[str] = []
        # How many seats each registration has, by its sort key.
        self.seated: dict[str, int] = {}
        self._meetings = 0
        # Of what is read together, some was read before others wrote, and some after. Drawn apart, so that the rest of
        # a history is what it is without.
        self._tearing = Random(f"torn {seed}")  # noqa: S311 (no secret)
        often = TORN if mode not in (Mode.NONE, Mode.HINTS) and self._tearing.random() < 0.5 else 0.0
        self.torn_often = often * self._tearing.random()
        self.reports_heard = not self.faults.often["report lost"]
        # How many functions that send a notification died with the machines; each may have counted it before.
        self.senders_lost = 0
        # Registration and SEQUENCE of the messages of which more was reported than that SES accepted them.
        self.reported: set[tuple[str, int]] = set()
        # What the index showed the last time it was asked, and what it shows where it lags; drawn apart, too.
        self._shown: dict[tuple[str, int], tuple[effects.Due, ...]] = {}
        self._lagging = Random(f"index {seed}")  # noqa: S311 (no secret)
        # How far the clock of the function is off whose effect is carried out.
        self.skew = 0.0
        self.deployed_at = 300 * self.random() if self.faults.hit("deployed") else float(EVER)
        self.does = self._doing()
        self._instant = (-1.0, START)

    # --- time -------------------------------------------------------------------------------------------------

    def instant(self, skew: float = 0.0) -> datetime:
        seconds, at = self._instant
        if seconds != self.now + skew:
            seconds = self.now + skew
            at = START + timedelta(seconds=seconds)
            self._instant = (seconds, at)
        return at

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._entries += 1
        heappush(self.agenda, (self.now + seconds, self._entries, what))

    def step(self) -> None:
        moment, _, what = heappop(self.agenda)
        self.now = max(self.now, moment)
        what()

    def run_until(self, moment: float) -> None:
        agenda = self.agenda
        while agenda and agenda[0][0] <= moment:
            at, _, what = heappop(agenda)
            if at > self.now:
                self.now = at
            what()
        self.now = max(self.now, moment)

    def latency(self, run: Run) -> float:
        often = self.faults.often
        if often["zombie"] and self.faults.hit("zombie"):
            run.kill, self.zombies = EVER, True
            return 40 + 120 * self.random()
        if often["slow"] and self.faults.hit("slow"):
            return 25 * self.random()
        return self.pace * self.random()

    def set_out(self, run: Run, do: Callable[[], None]) -> None:
        """A worker wants to carry out an effect: it does after some time."""
        self.at(self.latency(run.root), do)

    def note(self, text: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{START + timedelta(seconds=self.now):%H:%M:%S.%f} {text}")

    def as_deployed(self, schema: int) -> None:
        """The code of one deployment writes its own schema and does not know the next."""
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

    def torn(self) -> bool:
        return self.torn_often > 0 and self._tearing.random() < self.torn_often

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Within, transactions meet those of other registrations."""
        self._meetings = 5
        try:
            yield
        finally:
            self._meetings = 0

    def lost(self) -> str:
        if self._meetings and self.contention and self.random() < self.contention:
            self._meetings -= 1
            return "conflict"
        return "" if self.random() >= self.faults.answers else LOST[self.faults.which(ANSWERS)]

    # --- what starts functions --------------------------------------------------------------------------------

    def start(self, name: str, steps: Callable[[Run], Steps[Any]], done: Callable[[bool], None] | None = None) -> None:
        run = Run(self, name, done)
        self.runs[run] = None
        run.go(steps(run))

    def _ring(self, pk: str, sk: str) -> None:
        """A write to a table with a stream: its key goes into the stream."""
        if sk.startswith(keys.WEBHOOK_EVENT_PREFIX):
            self._ring_webhooks(pk, sk)
            return
        row = self.tables.rows.get(SETTINGS.registrations_table, {}).get(pk, {}).get(sk)
        if row is None:
            return
        if sk == keys.EVENT:
            event = codec.read(Event, row)
            self.holds.changed(event)
            self._see_titles(event)
            times = {(event.when.start, event.location), *_times(event)}
            true: tuple[Any, ...] = tuple(
                (title, start.isoformat(), location) for title in self.titles[-1][1] for start, location in times
            )
        elif sk.startswith(keys.REGISTRATION_PREFIX):
            person = codec.read(Registration, row)
            before = self.truths[sk][-1][1][0][0] if sk in self.truths else None
            if person.status in WAITING and person.status is not before:
                self._asked(person)
            seats = person.seats if person.status is RegistrationStatus.REGISTERED else 0
            if seats > self.seated.get(sk, 0):
                self._seated(person.registration_id)
            self.seated[sk] = seats
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

    def _ring_webhooks(self, pk: str, sk: str) -> None:
        """A new webhook event, which has not been distributed yet."""
        if "due_key" not in self.tables.rows[SETTINGS.webhooks_table][pk][sk] or self.faults.hit("record lost"):
            return
        hint = deliveries.hint_of({"pk": pk, "sk": sk})
        after = 0.2 + 0.5 * self.random()
        if self.faults.hit("record late"):
            after += 120 * self.random()
        self.at(after, lambda: self.deliver(hint, 3))
        if self.faults.hit("record doubled"):
            self.at(after + 60 * self.random(), lambda: self.deliver(hint, 3))

    def _see_titles(self, event: Event) -> None:
        """A quiet change adds its title to those that count as equal; a change that people are told of leaves one."""
        before, self._event = self._event, event
        # What is undone may leave the same title, and other former ones that count as equal.
        if before is None or (_told(before), before.former_texts) != (_told(event), event.former_texts):
            quiet = before is not None and len(event.former_texts) > len(before.former_texts)
            equal = self.titles[-1][1] if quiet else frozenset()
            if (
                event == self.holds.undone
            ):  # nobody was told of what is undone, so that what counted as equal still does
                equal = self._equal.get((event.title, event.former_texts), equal)
            self._equal[event.title, event.former_texts] = equal | {event.title}
            self.titles.append((self.now, equal | {event.title}))

    def _seated(self, rid: str) -> None:
        """Somebody was given a seat, which must have been free, of an event that was open."""
        (pk, _), rows = keys.seats(EVENT_ID).values(), self.tables.rows
        seats = rows[SETTINGS.invitations_table][pk][keys.SEATS]
        people = (row for sk, row in rows[SETTINGS.registrations_table][pk].items() if sk.startswith("REGISTRATION#"))
        holds = {sk: row for sk, row in rows[SETTINGS.invitations_table][pk].items() if sk.startswith("HOLD#")}
        # The seats that are kept for somebody who comes back are theirs; a transaction may not have written that yet.
        comes_back = holds.pop(keys.hold(EVENT_ID, rid)["sk"], None) is not None or rid in self.returning
        kept = sum(row["seats"] for row in holds.values())
        come = sum(1 + int(row["guests"]) for row in people if row["status"] == "registered") + kept
        # Whoever comes back to a seat that was kept has it, even if there are fewer seats by now.
        too_many = come > seats.get("capacity", come) and not comes_back
        if too_many or not seats["open"]:
            self.overbooked.append(f"{rid[6:10]} got a seat as number {come} of {seats}")

    def _asked(self, person: Registration) -> None:
        """Somebody begins to wait for a seat or a decision, which nobody does of an event that is closed."""
        seats = self.tables.rows[SETTINGS.invitations_table][keys.seats(EVENT_ID)["pk"]][keys.SEATS]
        if not seats["open"]:
            self.overbooked.append(f"{person.registration_id[6:10]} is {person.status} at an event that is closed")

    def due(self) -> dict[tuple[str, str], Any]:
        """What is due now or later, but for a waitlist whose first need more seats than are free: that is looked at
        every minute.
        """
        return {key: row for key, row in self.tables.due.items() if key[1] != keys.SEATS or not self._lacks_room(row)}

    def _lacks_room(self, seats: Any) -> bool:
        rows = self.tables.rows[SETTINGS.registrations_table][seats["pk"]]
        needs = [
            1 + int(row["guests"])
            for sk, row in sorted(rows.items())
            if sk.startswith("REGISTRATION#") and row["status"] == "waitlisted"
        ]
        if not seats["open"] or "capacity" not in seats or not needs:
            return False
        free = seats["capacity"] - seats["taken"]
        return bool(free > 0 and next((need for need in needs if need <= seats["capacity"]), max(needs)) > free)

    def notify(self, sk: str, retries: int) -> None:
        """As ``functions/notify.py``: a record that fails is tried again, a few times."""

        def done(well: bool) -> None:
            if not well and retries:
                self.at(2 + FUNCTION * self.random(), lambda: self.notify(sk, retries - 1))

        if sk == keys.EVENT:
            self.start("notify event", lambda run: self._begin(run), done)
        else:
            rid = sk.removeprefix(keys.REGISTRATION_PREFIX)
            self.start(f"notify {rid[6:10]}", lambda run: reconcile.reconcile(EVENT_ID, rid, run.worker), done)

    def enqueue(self, hint: effects.Hint, urgent: bool, delay_seconds: int = 0, *, sweeping: bool = False) -> None:
        often = self.faults
        if isinstance(hint, effects.BatchHint) and not urgent and self._urgent_until(hint.version):
            self.delayed.append(f"{hint} goes to the ordinary queue")
        if not (sweeping and self.mode is Mode.HINTS) and often.hit("hint lost"):
            return
        after = delay_seconds + 0.05 + 0.2 * self.random()
        if often.hit("hint late"):
            after += 200 * self.random()
        self.at(after, lambda: self.deliver(hint, RECEIVES))
        if often.hit("hint doubled"):
            self.at(after + 30 * self.random(), lambda: self.deliver(hint, RECEIVES))

    def told_by_fan_out(self) -> int | None:
        """Which version is being told."""
        row = self.tables.row(SETTINGS.invitations_table, keys.fan_out(EVENT_ID))
        return None if row is None else row["version"]

    def _urgent_until(self, version: int) -> bool:
        """Whether not all have been told of an urgent change up to this version."""
        rows = self.tables.rows[SETTINGS.invitations_table][keys.event(EVENT_ID)["pk"]]
        batches = (row for sk, row in rows.items() if sk.startswith(keys.BATCH_PREFIX))
        return any(batch["priority"] == 0 and self.told < batch["version"] <= version for batch in batches)

    def deliver(self, hint: effects.Hint, receives: int) -> None:
        """As ``functions/deliver.py`` and ``functions/hooks.py``: a hint whose function failed is seen again, until it
        is put aside.
        """

        def done(well: bool) -> None:
            if not well and receives > 1:
                self.at(VISIBILITY, lambda: self.deliver(hint, receives - 1))

        if isinstance(hint, effects.PlanHint):
            self.start("deliver plan", lambda run: self._plan_and_begin(run), done)
        elif isinstance(hint, effects.BatchHint):
            part = hint
            name = f"deliver batch v{part.version} after {part.first[6:10]}"
            self.start(name, lambda run: fan_out.process_batch(part, run.worker, at_once=AT_ONCE), done)
        elif isinstance(hint, effects.SurveyHint):
            look = hint
            self.start("survey", lambda run: survey.survey(look, run.worker, size=BATCH), done)
        elif isinstance(hint, effects.WebhookHint):
            event, hook, account = hint.webhook_event_id, hint.webhook_id, hint.account
            if hook:
                self.start(f"post {hook} {event[-6:]}", lambda run: webhooks.post(hook, event, run.worker), done)
            else:
                self.start(
                    f"distribute {event[-6:]}", lambda run: webhooks.distribute(account, event, run.worker), done
                )
        elif isinstance(hint, effects.NotificationHint):
            mail = hint
            ids = mail.event_id, mail.registration_id, mail.notification_id
            self.start(f"notification {ids[2][:4]}", lambda run: notify.dispatch(*ids, run.worker), done)
        elif isinstance(hint, effects.ImportHint):
            raise TypeError(hint)  # nobody imports here
        else:
            rid = hint.registration_id
            self.start(f"deliver {rid[6:10]}", lambda run: reconcile.reconcile(EVENT_ID, rid, run.worker), done)

    def _begin(self, run: Run) -> Steps[Any]:
        first = yield from fan_out.begin(EVENT_ID, run.worker, few=FEW)
        if first is not None:
            yield from fan_out.process_batch(first, run.worker, at_once=AT_ONCE)

    def _plan_and_begin(self, run: Run) -> Steps[Any]:
        first = yield from fan_out.plan(EVENT_ID, run.worker, size=BATCH, batches=PAGE)
        if first is not None:
            yield from fan_out.process_batch(first, run.worker, at_once=AT_ONCE)

    def tick(self) -> None:
        """A minute has passed."""
        self.holds.look()
        if self.faults.hit("tick lost"):
            return
        limits = sweep.Limits(urgent=1000, all=1000)
        self.start("sweep", lambda run: sweep.sweep(SENDER, TIMES, limits=limits, until=run.worker.deadline))
        if self.receivers.hooks:
            try:
                for hint in self.store.deliveries.due(self.instant(), 100):
                    self.enqueue(hint, False, sweeping=True)
            except (*FAILURES, Crash):
                self.note("sweep: died among the webhooks")

    def audit(self) -> None:
        """A day has passed."""
        self.start("audit", lambda _: audit.audit(SENDER, TIMES))

    def apply_report(self, report: ses_events.Report, retries: int = 2) -> None:
        def done(well: bool) -> None:
            if well and report.state != "accepted":
                self.reported.add((report.registration_id, report.sequence))
            elif not well and retries:
                self.at(60 * self.random(), lambda: self.apply_report(report, retries - 1))
            elif not well:
                self.reports_heard = False

        self.start(f"feedback {report.state}", lambda _: reports.apply_report(report), done)

    # --- effects ----------------------------------------------------------------------------------------------

    def perform(self, effect: Any) -> Any:
        """What is stored, by production's own store over the fake tables."""
        return self.does[type(effect)](effect)

    def _due(self, effect: effects.ReadDue) -> tuple[effects.Due, ...]:
        """What the index of due items shows: where it lags, nothing, some, or what it showed the last time."""
        found: tuple[effects.Due, ...] = self.store.reads.due(effect.shard, effect.priority, effect.now, effect.limit)
        asked = effect.shard, effect.priority
        earlier, self._shown[asked] = self._shown.get(asked, ()), found
        if not self.faults.hit("index lags"):
            return found
        some = tuple(due for due in found if self._lagging.random() < 0.5)
        return self._lagging.choice(((), some, earlier))

    def given_back(self, effect: effects.ReleaseClaim) -> bool:
        """Whether this claim was given back, in the table itself."""
        key = keys.invitation(EVENT_ID, effect.claimed.registration_id)
        row = self.tables.row(SETTINGS.invitations_table, key)
        standing = codec.read(Invitation, row) if row is not None else None
        mine = effect.claimed.intent
        return (
            standing is not None
            and standing.lease_until is None
            and standing.intent is not None
            and mine is not None
            and standing.intent.attempt == mine.attempt
        )

    def has_lease(self, batch: Batch) -> bool:
        """Whether a batch stands in the tables with the lease that it was claimed with."""
        key = keys.batch(EVENT_ID, batch.version, batch.first)
        row = self.tables.row(SETTINGS.invitations_table, key)
        return row is not None and codec.read(Batch, row).lease_until == batch.lease_until

    def _doing(self) -> dict[type[effects.Effect], Callable[[Any], Any]]:
        store = self.store
        return {
            **{kind: partial(perform, store) for kind, perform in PERFORMED.items()},
            effects.ReadEvents: lambda _: ((EVENT_ID,), None),
            effects.ReadDue: self._due,
            effects.ReadQuota: lambda _: None,
            effects.ReadBacklog: lambda _: 0,
            effects.AddNotification: lambda effect: store.notifications.schedule(
                effect.notification, now=self.instant(), upon=effect.upon
            ),
            effects.RenderNotification: notifications.rendered,
            effects.EndHold: lambda effect: returning.end_hold(
                store, effect.event_id, effect.registration_id, now=self.instant(self.skew)
            ),
            effects.Promote: lambda effect: waitlist.promote(store, effect.event_id, now=self.instant(self.skew)),
            effects.ErasePerson: lambda effect: erasure.forget(
                store, EVENT_ID, effect.due.registration_id, now=self.instant(self.skew)
            ),
        }
