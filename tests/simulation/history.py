"""What people do in one history: they come, go, come back, change their minds; the event moves, and moves back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from random import Random
from typing import Any

from convoke.decision import fan_out, fingerprints
from convoke.decision.invitation import WaitMail
from convoke.decision.limits import Limit
from convoke.effects import StoreRate
from convoke.mail.new_notifications import wait_notification
from convoke.model import Event, EventStatus, Occurrence, Person, Registration, RegistrationStatus, When
from convoke.registrations import approval, erasure, events, registry, returning, waitlist
from convoke.registrations.registry import ACTIVE
from convoke.schedule import edits, series, series_changes
from convoke.store import dynamo, keys

from . import rows
from .scene import ACCOUNT, EVENT_ID, START, TIMES
from .worker import FAILURES, Crash
from .world import World

TITLES = ("A", "B")
HOURS = (9, 15)
PLACES = ("", "Hall")
RULES = ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=4")
MOST_DATES = 6
SHORT = timedelta(seconds=40)
NOTIFY_AFTER = (0, 0, 5, 60, 900)
ERASING = 100
"""Erasing withdraws as often as somebody comes back meanwhile."""
APPROVAL = 0.12
"""In how many of the histories the organizer decides who comes."""
MAILED = 0.4
"""In how many of the histories those who wait are mailed so."""
OTHER_RULES = (*RULES, "FREQ=DAILY;COUNT=2", "FREQ=DAILY;COUNT=3;INTERVAL=2")


class People:
    """The API's callers, each call as ``functions/api.py`` makes it. What fails, fails: nobody asks again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.reads = self.store.reads
        self.came: list[tuple[str, str]] = []
        self.erased: list[str] = []
        self.held: dict[str, datetime] = {}
        self._numbers = 0
        # Drawn apart, so that the rest of a history is what it is without guests.
        self._guests = Random(f"guests {world.seed}")  # noqa: S311 (no secret)
        self._asking = Random(f"approval {world.seed}")  # noqa: S311
        self._dates = Random(f"dates {world.seed}")  # noqa: S311
        # Of a site's table comes whoever it says, and nobody else.
        self.rows = rows.Rows(world) if rows.drawn(world.seed, world.mode) else None
        self.approval = self._asking.random() < APPROVAL and self.rows is None
        # Whether those who register are mailed that they wait, as on the event's page.
        self.mailed = False

    # --- the event --------------------------------------------------------------------------------------------

    def publish(self) -> None:
        random, dice = self.world.random, self.world.dice
        soon = random() < 0.08
        begins = (
            START + timedelta(minutes=dice.randrange(2, 8)) if soon else START + timedelta(days=dice.choice((2, 40)))
        )
        local_time = begins.replace(tzinfo=None, minute=begins.minute if soon else 0, hour=begins.hour if soon else 9)
        when = When(start=local_time, end=local_time + timedelta(minutes=3 if soon else 60), time_zone="UTC")
        event = Event(
            event_id=EVENT_ID,
            account=ACCOUNT,
            version=1,
            status=EventStatus.DRAFT if random() < 0.1 else EventStatus.CONFIRMED,
            title="A",
            when=when,
            rule=dice.choice(RULES) if not soon and random() < 0.4 else None,
            organizer=Person(name="Ada", email="ada@example.org"),
            notify_after=dice.choice(NOTIFY_AFTER),
            capacity=self._capacity(),
            approval=self.approval,
            created_at=START,
            updated_at=START,
        )
        events.create_event(self.store, event)
        if self.world.seed % 4 == 0 and self.rows is None:
            # Limits that are soon reached: what is beyond them is told hours or days later.
            for what, limit in (("event", Limit(hour=2, day=4)), ("recipient", Limit(hour=2, day=3))):
                self.store.limits.change("acme", what, limit)

    def _capacity(self) -> int | None:
        limited = self.world.random() < (0.7 if self.world.contention else 0.25)
        capacity = self.world.dice.choice((1, 2, 3, 4, 6)) if limited else None
        return capacity if self.rows is None else None

    def _change(
        self, changed: Callable[[Event], dict[str, Any]], *, quietly: bool = False, cancelled: bool = False
    ) -> None:
        (before, fan_out_before), now = self.reads.event_before_fan_out(EVENT_ID), self.world.instant()
        if before is None or (before.status is EventStatus.CANCELLED) is not cancelled or series.ends_at(before) <= now:
            return
        changes = changed(before)
        after, _ = edits.reschedule(before, replace(before, **changes))
        if quietly:
            after = fingerprints.kept_quiet(before, after)
        if after == before or series.ends_at(after) <= now:
            return
        after = replace(after, version=before.version + 1, updated_at=now)
        priority = fan_out.change_urgency(before, after, now, TIMES)
        self.world.note(f"API {'quietly ' * quietly}changes the event to version {after.version}: {changes}")
        earlier = events.Earlier(fan_out=fan_out_before)
        events.change_event(self.store, before, after, priority=priority, now=now, earlier=earlier)
        self._promote()

    def retitle(self) -> None:
        self._change(lambda _: {"title": self.world.dice.choice(TITLES)})

    def retitle_quietly(self) -> None:
        self._change(lambda _: {"title": self.world.dice.choice(TITLES)}, quietly=True)

    def move(self) -> None:
        def moved(event: Event) -> dict[str, Any]:
            start = event.when.start
            assert isinstance(start, datetime)
            if start.hour not in HOURS or start.minute:
                return {"location": self.world.dice.choice(PLACES)}
            start = start.replace(hour=self.world.dice.choice(HOURS))
            moved = series_changes.moved(
                event.schedule, replace(event.when, start=start, end=start + timedelta(hours=1))
            )
            return {"when": moved.when, "rule": moved.rule, "added": moved.added}

        self._change(moved)

    # --- its dates --------------------------------------------------------------------------------------------

    def _change_a_date(self, change: Callable[[Event, Occurrence], Event]) -> None:
        def changed(event: Event) -> dict[str, Any]:
            one = self.world.dice.choice(series.occurrences(event))
            if not event.recurs or one.when.ends_at <= self.world.instant():
                return {}
            after = change(event, one)
            return {"changes": after.changes, "status": after.status}

        self._change(changed)

    def cancel_date(self) -> None:
        self._change_a_date(lambda event, one: edits.cancel_date(event, one.date, "Rain"))

    def restore_date(self) -> None:
        self._change_a_date(lambda event, one: edits.restore_date(event, one.date))

    def move_date(self) -> None:
        def moved(event: Event, one: Occurrence) -> Event:
            start = one.date + timedelta(hours=self.world.dice.choice((0, 2, 26, 50)))
            when = replace(event.when, start=start, end=start + timedelta(hours=1))
            return edits.change_date(event, replace(edits.change_of(event, one.date), when=when))

        self._change_a_date(moved)

    def add_date(self) -> None:
        """One more date: one that the rule yields when it is longer, or one that is an entry of its own."""

        def longer(event: Event) -> dict[str, Any]:
            last = series.starts(event.schedule)[-1]
            later = timedelta(days=self.world.dice.choice((1, 2, 3)), hours=self.world.dice.choice((0, 3)))
            start = self.world.dice.choice((event.when.start, last)) + later
            if start in series.starts(event.schedule) or len(series.starts(event.schedule)) > MOST_DATES:
                return {}
            after = edits.add_date(event, start, None)
            return {"rule": after.rule, "added": after.added}

        self._change(longer)

    def rewrite(self) -> None:
        def other(event: Event) -> dict[str, Any]:
            return {"rule": self.world.dice.choice(OTHER_RULES)} if event.rule is not None else {}

        self._change(other)

    def waver(self) -> None:
        choices = (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        self._change(lambda _: {"status": self.world.dice.choice(choices)})

    def draft(self) -> None:
        def other(event: Event) -> dict[str, Any]:
            drafted = event.status is EventStatus.DRAFT
            return {"status": EventStatus.CONFIRMED if drafted else EventStatus.DRAFT}

        self._change(other)

    def widen(self) -> None:
        self._change(lambda _: {"capacity": self.world.dice.choice((1, 2, 3, 5, None))})

    def cancel_event(self) -> None:
        self._change(lambda _: {"status": EventStatus.CANCELLED, "reason": "Rain"})

    def reopen(self) -> None:
        def reopened(event: Event) -> dict[str, Any]:
            after = edits.reopen(event, [one.date for one in series.occurrences(event)])
            return {"status": after.status, "reason": after.reason, "changes": after.changes}

        self._change(reopened, cancelled=True)

    def hold_otherwise(self) -> None:
        self._change(lambda _: {"notify_after": self.world.dice.choice(NOTIFY_AFTER)})

    def tell(self) -> None:
        event = self.reads.event(EVENT_ID)
        if event is not None:
            self.world.note("API has what waits told now")
            events.tell_now(self.store, event, self.world.instant())

    def undo(self) -> None:
        before, now = self.reads.event(EVENT_ID), self.world.instant()
        after = None if before is None else events.before_what_waits(self.store, before, now)
        if before is None or not isinstance(after, Event):
            return
        after = replace(after, version=before.version + 1, updated_at=now)
        priority = fan_out.change_urgency(before, after, now, TIMES)
        self.world.note(f"API undoes what waits, in version {after.version}")
        self.world.holds.undone = after
        events.undo(self.store, before, after, priority=priority, now=now)
        self._promote()

    def _promote(self) -> None:
        waitlist.promote(self.store, EVENT_ID, now=self.world.instant())

    # --- the people -------------------------------------------------------------------------------------------

    def register(self, email: str = "") -> None:
        self._numbers += 1
        if not email:
            email = f"person{self._numbers}@example.net"
            if self.world.faults.hit("bounces"):
                self.world.post.bad.add(email)
        event, now = self.reads.event(EVENT_ID), self.world.instant()
        if event is None or event.status is EventStatus.CANCELLED or series.ends_at(event) <= now:
            return
        some = event.recurs and self.world.random() < 0.25
        rid = f"{self._numbers:010d}{EVENT_ID}"
        person = Registration(
            event_id=EVENT_ID,
            registration_id=rid,
            version=1,
            status=RegistrationStatus.PENDING if self._asks(event) else RegistrationStatus.REGISTERED,
            name=f"Name {rid[:10]}",
            email=email,
            occurrences=series.starts(event.schedule)[-self._dates.choice((1, 2)) :] if some else None,
            named=len(event.earlier) if some else 0,
            guests=self._guests.choice((0, 0, 0, 1, 2)),
            created_at=now,
            updated_at=now,
        )
        self.world.note(f"API registers {rid[6:10]} {email}")
        self.came.append((rid, email))
        self.world.known.append((rid, email))
        mail = wait_notification(event, person, WaitMail.PLACE, now) if self.mailed else None
        with self.world.crowded():
            made = registry.register(self.store, person, now=now, account=ACCOUNT, mail=mail)
        if mail is not None and isinstance(made, Registration) and made.registration_id == rid:
            self.world.shown.add(rid)

    def _asks(self, event: Event) -> bool:
        """Whether somebody who registers is pending: not, now and then, whom the organizer adds."""
        return event.approval and self._asking.random() < 0.8

    def decide_otherwise(self) -> None:
        self._change(lambda event: {"approval": not event.approval})

    def accept(self) -> None:
        rid, event = self._somebody(), self.reads.event(EVENT_ID)
        person = None if rid is None else self.reads.registration(EVENT_ID, rid)
        if person is not None and event is not None:
            self.world.note(f"API accepts {person.registration_id[6:10]}")
            self.world.accepted[person.registration_id] += 1
            with self.world.crowded():
                approval.accept(self.store, event, person, now=self.world.instant())

    def decline(self) -> None:
        rid, event = self._somebody(), self.reads.event(EVENT_ID)
        person = None if rid is None else self.reads.registration(EVENT_ID, rid)
        if person is not None and event is not None:
            self.world.note(f"API declines {person.registration_id[6:10]}")
            done = approval.decline(self.store, event, person, now=self.world.instant())
            if isinstance(done, Registration):
                self.world.turned_down.append(person.registration_id)

    def come_back(self) -> None:
        if self.came:
            self.register(self.world.dice.choice(self.came)[1])

    def _somebody(self) -> str | None:
        if self.rows is not None:
            known = [sk for sk in self.world.truths if sk.startswith(keys.REGISTRATION_PREFIX)]
            return self.world.dice.choice(known).removeprefix(keys.REGISTRATION_PREFIX) if known else None
        return self.world.dice.choice(self.came)[0] if self.came else None

    def withdraw(self) -> None:
        rid = self._somebody()
        if rid is not None:
            self.world.note(f"API withdraws {rid[6:10]}")
            self.world.left[rid] += 1
            began = self.world.now
            try:
                registry.withdraw(self.store, EVENT_ID, rid, now=self.world.instant(), account=ACCOUNT)
            finally:
                if self.rows is not None:
                    self.rows.left.append((rid, began, self.world.now))
            self._promote()

    def withdraw_by_one_click(self) -> None:
        """The seats are kept for a while: for a day, or for so short a time that its end meets other things."""
        rid = self._somebody()
        if rid is not None:
            held_until = self.world.instant() + self.world.dice.choice((SHORT, SHORT, returning.HELD))
            self.world.note(f"{rid[6:10]} withdraws by one click")
            self.world.left[rid] += 1
            left = registry.withdraw(
                self.store, EVENT_ID, rid, now=self.world.instant(), account=ACCOUNT, held_until=held_until
            )
            if isinstance(left, Registration) and left.held_until == held_until:
                self.held[rid] = held_until

    def take_up(self) -> None:
        """Somebody who withdrew takes up the same registration again."""
        rid = self._somebody()
        event, now = self.reads.event(EVENT_ID), self.world.instant()
        if rid is None or event is None or series.ends_at(event) <= now:
            return
        self.world.note(f"{rid[6:10]} takes the registration up again")
        held_until, before = self.held.pop(rid, None), self.reads.registration(EVENT_ID, rid)
        # While it meets other writers, another one may be taken up in between.
        kept = {rid} if self.store.seats.hold(EVENT_ID, rid) is not None else set()
        self.world.returning |= kept
        try:
            back = returning.come_back(self.store, EVENT_ID, rid, now=now)
        finally:
            self.world.returning -= kept
        if isinstance(back, Registration) and before is not None and before.status not in ACTIVE:
            self.world.shown.add(rid)
        if (
            held_until is not None
            and now < held_until
            and isinstance(back, Registration)
            and back.status is RegistrationStatus.WAITLISTED
            # Unless they came back, and withdrew once more for good, while this met other writers.
            and before is not None
            and back.version == before.version + 1
        ):
            self.world.overbooked.append(f"{rid[6:10]} came back in time, and has to wait")

    def change_address(self) -> None:
        rid = self._somebody()
        if rid is None:
            return
        event, now = self.reads.event(EVENT_ID), self.world.instant()
        if event is None or event.status is EventStatus.CANCELLED or series.ends_at(event) <= now:
            return
        email = self.world.dice.choice((f"new{rid[6:10]}@example.net", f"other{rid[6:10]}@example.net"))
        self.world.known.append((rid, email))
        self.world.note(f"API changes the address of {rid[6:10]} to {email}")
        registry.change_registration(
            self.store, EVENT_ID, rid, changes={"email": email}, priority=1, now=now, account=ACCOUNT
        )

    def bring(self) -> None:
        """More guests, or fewer: seats are taken where they are free, and released."""
        rid = self._somebody()
        if rid is not None:
            guests = self._guests.choice((0, 1, 2, 3))
            self.world.note(f"API lets {rid[6:10]} come with {guests} guests")
            with self.world.crowded():
                registry.change_registration(
                    *(self.store, EVENT_ID, rid),
                    changes={"guests": guests},
                    priority=1,
                    now=self.world.instant(),
                    account=ACCOUNT,
                )
            self._promote()

    def resend(self) -> None:
        rid = self._somebody()
        if rid is not None:
            self.world.note(f"API asks to send again to {rid[6:10]}")
            self.world.resends[rid] = self.world.resends.get(rid, 0) + 1
            registry.resend(self.store, EVENT_ID, rid, now=self.world.instant())

    def erase(self) -> None:
        rid = self._somebody()
        if rid is not None:
            self.world.note(f"API erases {rid[6:10]}")
            self.world.left[rid] += ERASING
            erasure.erase(self.store, EVENT_ID, rid, now=self.world.instant(), account=ACCOUNT)
            self.erased.append(rid)
            self._promote()

    # --- the account ------------------------------------------------------------------------------------------

    def remove_webhook(self) -> None:
        self.world.receivers.remove()


DEEDS = {
    "retitle": 4,
    "retitle_quietly": 2,
    "move": 4,
    "waver": 1,
    "draft": 2,
    "cancel_date": 3,
    "restore_date": 1,
    "move_date": 3,
    "add_date": 2,
    "rewrite": 1,
    "widen": 1,
    "cancel_event": 1,
    "reopen": 1,
    "hold_otherwise": 1,
    "tell": 1,
    "undo": 1,
    "register": 2,
    "come_back": 2,
    "withdraw": 3,
    "withdraw_by_one_click": 2,
    "take_up": 3,
    "change_address": 2,
    "resend": 3,
    "erase": 1,
    "remove_webhook": 1,
}
OF_THE_EVENT = {
    "retitle": 4,
    "retitle_quietly": 3,
    "move": 2,
    "cancel_date": 1,
    "move_date": 1,
    "resend": 2,
    "withdraw": 1,
    "draft": 1,
    "cancel_event": 1,
    "reopen": 2,
}
OF_DATES = {"cancel_date": 4, "move_date": 4, "restore_date": 3, "rewrite": 1, "move": 1, "retitle": 1, "resend": 1}
OF_ENTRIES = {"add_date": 5, "cancel_date": 3, "move_date": 3, "restore_date": 2, "withdraw": 1, "change_address": 1}
OF_ONE_PERSON = {"withdraw": 2, "come_back": 2, "change_address": 4, "resend": 4, "retitle": 1}
OF_RETURNING = {
    "withdraw": 3,
    "withdraw_by_one_click": 4,
    "take_up": 8,
    "erase": 1,
    "change_address": 1,
    "come_back": 1,
    "register": 2,
    "cancel_event": 1,
    "reopen": 1,
    "widen": 1,
    "resend": 1,
    "move": 1,
}
OF_SEATS = {
    "register": 8,
    "withdraw": 4,
    "come_back": 1,
    "widen": 3,
    "cancel_event": 1,
    "erase": 1,
    "withdraw_by_one_click": 3,
    "take_up": 3,
    "bring": 3,
}
OF_APPROVAL = {
    "register": 4,
    "accept": 9,
    "decline": 3,
    "decide_otherwise": 1,
    "withdraw": 2,
    "withdraw_by_one_click": 2,
    "take_up": 3,
    "come_back": 1,
    "change_address": 2,
    "bring": 2,
    "erase": 1,
    "widen": 2,
    "cancel_event": 1,
    "reopen": 2,
    "move": 1,
}
OF_HOLDS = {
    "retitle": 6,
    "move": 4,
    "add_date": 2,
    "retitle_quietly": 1,
    "cancel_date": 1,
    "waver": 1,
    "draft": 1,
    "tell": 2,
    "undo": 4,
    "hold_otherwise": 1,
    "register": 1,
    "resend": 1,
    "withdraw": 1,
}
STYLES = (DEEDS, DEEDS, OF_THE_EVENT, OF_ONE_PERSON, OF_RETURNING, OF_DATES, OF_ENTRIES, OF_HOLDS, OF_HOLDS)
GAPS = ((0.02, 0.2, 1.0, 5.0, 30.0, 60.0, 150.0), (0.5, 2.0), (0.02, 20.0))
"""Seconds between two deeds at most: now and then, in one breath, or in pairs."""


def live(world: World) -> People:
    """The safety phase: people do things, everything may go wrong."""
    people, dice, random = People(world), world.dice, world.random
    people.mailed = Random(f"mailed {world.seed}").random() < MAILED  # noqa: S311 (no secret)

    def deed(what: str) -> Callable[[], None]:
        def do() -> None:
            try:
                attrgetter(what)(people)()
            except Crash:
                world.note("the API died")
            except (*FAILURES, dynamo.Refused) as error:
                world.note(f"the API failed: {type(error).__name__}")
            world.holds.look()

        return do

    # The event itself, and its first people, come without trouble.
    often, wire, answers = world.faults.often, world.faults.wire, world.faults.answers
    world.faults.wire = world.faults.answers = 0.0
    for _ in range(dice.choice((0, 0, 0, 0, 0, 1, 2))):
        world.receivers.create()
    people.publish()
    if random() < 0.3:
        # The rate is known, and some have to wait for their turn.
        world.rate = dice.choice((0.5, 3, 20))
        world.store.records.store_rate(StoreRate(rate=world.rate))
    for _ in range(dice.choice((1, 2, 2, 3, 3, 4, 5))):
        if people.rows is None:
            people.register()
        else:
            people.rows.put()
    world.faults.wire, world.faults.answers = wire, answers

    style, gaps = OF_SEATS if world.contention else dice.choice(STYLES), dice.choice(GAPS)
    if people.approval:
        style = OF_APPROVAL
    if people.rows is not None:
        style = rows.STYLE
    moment = dice.choice((0.0, 0.0, 5.0, 60.0))
    count = dice.randrange(1, 8) * (2 if world.contention else 1)
    deeds = [deed(what) for what in dice.choices(list(style), list(style.values()), k=count)]
    if random() < 0.5:
        world.mischief = deeds
    for each in deeds.copy():
        moment += dice.choice(gaps) * random()
        world.at(moment, partial(_unless_done, each, deeds))
    for kind in ("SES is paused", "quota spent"):
        if often[kind] and world.faults.hit(kind):
            length = dice.choice((30.0, 300.0, 7200.0))
            world.at(moment * random(), lambda kind=kind, length=length: world.post.close(kind, length))  # type: ignore[misc]
    end = moment + dice.choice((1.0, 20.0, 90.0))
    if random() < 0.2:
        world.at(end * random(), world.audit)
    minute = 60 * random()
    while minute < end:
        world.at(minute, world.tick)
        minute += 60
    world.run_until(end)
    return people


def _unless_done(deed: Callable[[], None], deeds: list[Callable[[], None]]) -> None:
    """Its time has come, unless mischief was faster."""
    if deed in deeds:
        deeds.remove(deed)
        deed()


def heal(world: World, *, rounds: int = 400) -> None:
    """The healing phase: nothing goes wrong any more, nobody does anything, minutes pass."""
    world.faults.cease()
    world.torn_often = 0.0
    world.mischief = []
    world.post.open()
    if world.random() < 0.5:
        # Everything that was on its way is lost with the machines that held it; SES and the mails are not.
        world.note("every function dies")
        for run in list(world.runs):
            run.alive = False
            world.reports_heard = world.reports_heard and not run.name.startswith("feedback")
            world.senders_lost += run.name.startswith("notification")
        world.runs.clear()
    world.note("from here on nothing goes wrong")
    for _ in range(rounds):
        world.run_until(world.now + 30)
        due = world.due()
        if not due:
            if not world.agenda:
                return
            world.run_until(max(entry[0] for entry in world.agenda))
            continue
        first = datetime.fromisoformat(min(row["due_key"].split("#")[1] for row in due.values()))
        wait = (first - START).total_seconds() - world.now
        if wait > 30:
            world.run_until(world.now + wait)
        world.tick()
