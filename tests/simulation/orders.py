"""Every order of the steps of a few workers and changes, with at most so many switches between them: what chance seldom
brings about. Most faults of concurrency need two or three switches in the right places, and no more.

A scenario is played again from its beginning for each order, by production's code over the fake tables; then all heals,
and the checker judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from convoke.decision import fingerprints
from convoke.decision.fan_out import Batch
from convoke.decision.invitation import WaitMail
from convoke.delivery import fan_out, notification_reports, notify, reconcile, sweep
from convoke.effects import BatchHint, Due, DueKind, MoveBatch, ReadSending, Steps, WakeUp
from convoke.mail import new_notifications, notifications
from convoke.model import DateChange, Event, EventStatus, Registration, RegistrationStatus
from convoke.registrations import erasure, events, registry, waitlist
from convoke.store import codec, keys
from tests import factories

from . import checker, quick
from .checker import Violation
from .faults import Mode
from .history import People, heal
from .scene import EVENT_ID, SENDER, SETTINGS, START
from .tables import Row
from .worker import Run
from .world import AT_ONCE, BATCH, EVER, PAGE, World

Deed = Callable[["Directed"], Any]
Work = Callable[[Run], Steps[Any]]


LETTER = new_notifications.decline_counter(
    factories.event(event_id=EVENT_ID),
    factories.registration(event_id=EVENT_ID, registration_id=f"{1:010d}{EVENT_ID}"),
    counter=notifications.Counter(uid=f"1-{1:010d}{EVENT_ID}", sequence=0, proposed=factories.AFTERNOON),
    proposal_id="1",
    now=START,
)


class Directed(World):
    """A world in which nothing is left to chance: whoever wants to go on waits until it is their turn."""

    def __init__(self) -> None:
        super().__init__(0, Mode.NONE)
        self.faults.often |= {"record lost": 1.0, "hint lost": 1.0, "report lost": 1.0}
        self.reports_heard = False
        self.waiting: dict[Run, Callable[[], None]] | None = {}

    def set_out(self, run: Run, do: Callable[[], None]) -> None:
        if self.waiting is None:
            super().set_out(run, do)
        else:
            self.waiting[run] = do

    def copy(self) -> Directed:
        """The same world, to be changed without changing this one. Items are never changed once they are stored."""
        other = Directed()
        other.now, other.names = self.now, self.names
        other.tables.rows = {
            table: {pk: dict(partition) for pk, partition in partitions.items()}
            for table, partitions in self.tables.rows.items()
        }
        other.tables.due = dict[tuple[str, str], Row](self.tables.due)
        other.post.accepted, other.post.attempts = list(self.post.accepted), list(self.post.attempts)
        other.post.arrived, other.post.delivered = list(self.post.arrived), set(self.post.delivered)
        other.truths = {key: list(truths) for key, truths in self.truths.items()}
        other.known, other.titles = list(self.known), list(self.titles)
        other.left, other.accepted = self.left.copy(), self.accepted.copy()
        other.senders_lost = self.senders_lost
        other.shown = set(self.shown)
        other.holds = self.holds.copy(other)
        other.notifications.sent = self.notifications.sent
        other.notifications.own = dict(self.notifications.own)
        other.notifications.reports.mails = [replace(mail) for mail in self.notifications.reports.mails]
        other.notifications.wait_mails = {rid: list(mails) for rid, mails in self.notifications.wait_mails.items()}
        other._event = self._event
        return other


# --- who takes part -----------------------------------------------------------------------------------------------


def look(number: int = 1) -> Work:
    rid = f"{number:010d}{EVENT_ID}"
    return lambda run: reconcile.reconcile(EVENT_ID, rid, run.worker)


def batch(number: int = 0) -> Work:
    """Work on the batch that is this one in order."""

    def work(run: Run) -> Steps[Any]:
        rows = run.world.tables.rows[SETTINGS.invitations_table][keys.event(EVENT_ID)["pk"]]
        found = codec.read(Batch, rows[sorted(sk for sk in rows if sk.startswith(keys.BATCH_PREFIX))[number]])
        hint = BatchHint(event_id=EVENT_ID, version=found.version, first=found.first)
        return fan_out.process_batch(hint, run.worker, at_once=AT_ONCE)

    return work


def letter(run: Run) -> Steps[Any]:
    return notify.dispatch(EVENT_ID, LETTER.registration_id, LETTER.notification_id, run.worker)


def plan(run: Run) -> Steps[Any]:
    return fan_out.plan(EVENT_ID, run.worker, size=BATCH, batches=PAGE)


def plan_and_tell(run: Run) -> Steps[Any]:
    while (first := (yield from plan(run))) is not None:
        yield from fan_out.process_batch(first, run.worker, at_once=AT_ONCE)


def plan_and_leave(run: Run) -> Steps[Any]:
    """Plan a page, and leave the first batch of it to others, too."""
    first = yield from plan(run)
    assert first is not None
    batch = first.batch
    yield MoveBatch(batch=batch, after=batch.after, due_key=keys.due_key(batch.priority, run.world.instant()))


def hears(run: Run) -> Steps[Any]:
    """What the function ``notify`` does with the stream's record of a change of the event."""
    return run.world._begin(run)


def first_batch(run: Run) -> Steps[Any]:
    """Work on the first batch, once it is there."""
    event = People(run.world).reads.event(EVENT_ID)
    assert isinstance(event, Event)
    hint = BatchHint(event_id=EVENT_ID, version=event.version, first="")
    return fan_out.process_batch(hint, run.worker, at_once=AT_ONCE)


def change(**changes: Any) -> Deed:
    def deed(world: Directed) -> None:
        before = People(world).reads.event(EVENT_ID)
        assert isinstance(before, Event)
        after = replace(before, version=before.version + 1, updated_at=world.instant(), **changes)
        events.change_event(world.store, before, after, priority=1, now=world.instant())
        world.holds.look()

    return deed


def planned(deed: Deed) -> Deed:
    """The deed, and all batches of it, which nobody has."""

    def both(world: Directed) -> None:
        deed(world)
        waiting, world.waiting = world.waiting, None
        world.start("the planner", plan_and_leave)
        world.run_until(world.now + 5)
        world.waiting = waiting

    return both


def told(deed: Deed) -> Deed:
    """The deed, all batches of it, and a worker who begins with the last of them."""

    def all_of_it(world: Directed) -> None:
        planned(deed)(world)
        world.start("who tells it", batch(-1))

    return all_of_it


def quietly(**changes: Any) -> Deed:
    """A change that nobody is told of."""

    def deed(world: Directed) -> None:
        before = People(world).reads.event(EVENT_ID)
        assert isinstance(before, Event)
        after = fingerprints.kept_quiet(before, replace(before, **changes))
        after = replace(after, version=before.version + 1, updated_at=world.instant())
        events.change_event(world.store, before, after, priority=1, now=world.instant())

    return deed


def dies_once_claimed(world: Directed) -> None:
    """A worker claims the message to the first person, and dies before it is stored."""
    people, waiting = People(world), dict[Run, Callable[[], None]]()
    world.waiting = waiting
    world.start("who dies", look())
    while (seen := people.reads.invitation(EVENT_ID, f"{1:010d}{EVENT_ID}")) is None or seen.lease_until is None:
        (turn,) = waiting
        waiting.pop(turn)()
        world.run_until(world.now + 0.15)
    world.waiting = None


def audited(world: Directed) -> None:
    world.audit()


def taken(world: Directed) -> int:
    return len(world.taken)


def stored(world: Directed) -> int:
    """The number of items of the invitations table: a message is stored just before it is sent."""
    return sum(map(len, world.tables.rows[SETTINGS.invitations_table].values()))


def overrun(work: Work, count: Callable[[Directed], int]) -> Deed:
    """A worker begins, until ``count`` changes, and is still at work when its function should have been stopped and its
    lease is over.
    """

    def deed(world: Directed) -> None:
        assert world.waiting is not None
        others, before = set(world.waiting), count(world)
        world.start("who runs on", work)
        while count(world) == before and (turns := world.waiting.keys() - others):
            (turn,) = turns
            turn.root.kill = EVER
            world.waiting.pop(turn)()
            world.run_until(world.now + 0.15)
        world.zombies = True
        world.run_until(world.now + 200)

    return deed


def begun(work: Work) -> Deed:
    return lambda world: world.start("who begins later", work)


def answered(fault: str, work: Work | None = None) -> Deed:
    """A worker sends a mail, by default to the first person; SES answers with this fault, and the lease passes."""

    def deed(world: Directed) -> None:
        world.waiting, world.faults.often[fault] = None, 1.0
        world.start("who is answered", work or look())
        world.run_until(world.now + 600)
        world.faults = Directed().faults

    return deed


def healed(world: Directed) -> None:
    """Everything that is due is done."""
    heal(world)
    world.faults = Directed().faults


def erasing(_: Run) -> Steps[Any]:
    """As the sweep does it, which has found that the first person is to be erased."""
    due = Due(kind=DueKind.ERASURE, event_id=EVENT_ID, registration_id=f"{1:010d}{EVENT_ID}", due_key="2#")
    return sweep._see_to(due, SENDER)


def repaired(world: Directed) -> None:
    """The first person's calendar may show something else than the message that they were sent last."""
    rid, due_key = f"{1:010d}{EVENT_ID}", keys.due_key(0, world.instant())
    world.perform(WakeUp(event_id=EVENT_ID, registration_id=rid, due_key=due_key, repair=True))


def to_be_erased(world: Directed) -> None:
    """The first person withdraws, is told so, and is to be erased."""
    withdraw(world)
    healed(world)
    is_to_be_erased(world)


def is_to_be_erased(world: Directed) -> None:
    task = world.store.registrations.erasure_action(EVENT_ID, f"{1:010d}{EVENT_ID}", world.instant())
    assert not world.store.attempt({"erasure": task})


def erased(world: Directed) -> None:
    """The first person is erased, who has not been told that they do not come any more."""
    world.left[f"{1:010d}{EVENT_ID}"] += 1
    erasure.erase(world.store, EVENT_ID, f"{1:010d}{EVENT_ID}", now=world.instant())


def letter_is_due(world: Directed) -> None:
    """A notification to the first person is due, of which no worker has heard."""
    assert world.store.notifications.schedule(LETTER, now=world.instant())


def waits(world: Directed) -> None:
    """A second person registers on the page of the event, which is full, and is to be mailed that they wait."""
    change(capacity=1)(world)
    healed(world)
    assert registers(world).status is RegistrationStatus.WAITLISTED


def registers(world: Directed, **changes: Any) -> Registration:
    """A second person registers on the page of the event."""
    event = People(world).reads.event(EVENT_ID)
    assert event is not None
    who = {"event_id": EVENT_ID, "registration_id": f"{2:010d}{EVENT_ID}", "email": "b@example.net"}
    person = factories.registration(**who, **changes)
    mail = new_notifications.wait_notification(event, person, WaitMail.PLACE, world.instant())
    made = registry.register(world.store, person, now=world.instant(), mail=mail)
    assert isinstance(made, Registration)
    assert made.registration_id == person.registration_id
    world.shown.add(made.registration_id)
    return made


def registers_for_a_date(world: Directed) -> None:
    """A second person registers on the page for the second date of the event, which is repeated now."""
    # The checker knows series in UTC alone.
    change(rule="FREQ=DAILY;COUNT=3", when=replace(factories.MORNING, time_zone="UTC"))(world)
    healed(world)
    registers(world, occurrences=(SECOND_DATE,))


def wait_mail(run: Run) -> Steps[Any]:
    event, rid = factories.event(event_id=EVENT_ID), f"{2:010d}{EVENT_ID}"
    person = factories.registration(event_id=EVENT_ID, registration_id=rid)
    name = new_notifications.wait_notification(event, person, WaitMail.PLACE, START).notification_id
    return notify.dispatch(EVENT_ID, rid, name, run.worker)


def comes_back(number: int) -> Work:
    """SES reports of one of the wait mails that it took for the second person, that it came back for now."""

    def reported(run: Run) -> Steps[Any]:
        yield ReadSending()  # so that others may begin first
        mails = [mail for mail in run.world.notifications.reports.mails if mail.says is not None]
        if number < len(mails):
            yield from notification_reports.apply_notification_report(mails[number].comes_back())
            mails[number].heard = True

    return reported


def has_another_address(world: Directed) -> None:
    """The second person's address is changed."""
    rid, changes = f"{2:010d}{EVENT_ID}", {"email": "other@example.net"}
    done = registry.change_registration(world.store, EVENT_ID, rid, changes=changes, priority=1, now=world.instant())
    assert isinstance(done, Registration)


def gets_a_seat(world: Directed) -> None:
    """The second person gets a seat, and is not invited yet."""
    change(capacity=2)(world)
    waitlist.promote(world.store, EVENT_ID, now=world.instant())


def looked_at(world: Directed) -> None:
    """The second person is looked at."""
    waiting, world.waiting = world.waiting, None
    world.start("who looks", look(2))
    world.run_until(world.now + 5)
    world.waiting = waiting


def comes_and_it_is_cancelled(world: Directed) -> None:
    """The second person is invited, and sent the cancellation."""
    for deed in (gets_a_seat, looked_at, CANCELLED, looked_at):
        deed(world)


def withdraw(world: Directed) -> None:
    world.left[f"{1:010d}{EVENT_ID}"] += 1
    registry.withdraw(world.store, EVENT_ID, f"{1:010d}{EVENT_ID}", now=world.instant())


@dataclass(frozen=True)
class Scenario:
    """``people`` who were all invited to "A"; the deeds done ``first``; then ``workers`` and ``deeds``, in any order of
    their steps with at most so many ``switches``. The deeds are done one after the other; a worker that one starts goes
    on at once.
    """

    workers: tuple[Work, ...]
    deeds: tuple[Deed, ...] = ()
    first: tuple[Deed, ...] = ()
    people: int = 1
    switches: int = 2


REOPENED = change(status=EventStatus.CONFIRMED)
THERE, BACK, CANCELLED = change(title="B"), change(title="A"), change(status=EventStatus.CANCELLED)
SECOND_DATE = factories.MORNING.start + timedelta(days=1)
DATE_CANCELLED, DATE_RESTORED = change(changes=(DateChange(date=SECOND_DATE, cancelled=True),)), change(changes=())
HELD, WAITS = change(notify_after=900), change(title="C", notify_after=900)
SCENARIOS = {
    "a look while it is changed back": Scenario((look(),), (told(BACK),), first=(THERE,), switches=3),
    "a batch while it is changed back": Scenario((batch(),), (told(BACK),), first=(planned(THERE),)),
    "a batch while it is cancelled": Scenario((batch(),), (told(CANCELLED),), first=(planned(THERE),), people=2),
    "a text is changed quietly before it was stored": Scenario(
        (look(),), first=(THERE, dies_once_claimed, quietly(title="C"), healed, THERE)
    ),
    "a text is changed after it was changed quietly": Scenario(
        (look(),), (told(THERE),), first=(quietly(title="C"),), switches=3
    ),
    "one is told while it is changed back, of what they may know": Scenario(
        (look(),),
        (told(BACK),),
        first=(THERE, answered("SES got it, its answer is lost"), answered("SES throttles")),
    ),
    "two look, and miss nothing, while somebody withdraws": Scenario((look(), look()), (withdraw,), switches=3),
    "a change waits": Scenario((look(), hears, plan_and_tell), (WAITS, audited), first=(HELD, healed), switches=1),
    "a change that would wait meets one that is planned": Scenario((look(), plan), (WAITS,), first=(THERE,)),
    "one is erased who is to be told first": Scenario((erasing, look()), first=(erased,)),
    "two look while somebody withdraws": Scenario((look(), look()), (withdraw,), first=(THERE,)),
    "one is erased while a mail is sent again": Scenario(
        (erasing, look()), (repaired,), first=(to_be_erased,), switches=3
    ),
    "two at one batch": Scenario((batch(), batch()), first=(planned(THERE),)),
    "two at one batch, whose worker runs on": Scenario(
        (), (overrun(first_batch, taken), begun(first_batch), begun(first_batch)), first=(planned(THERE),)
    ),
    "one looks while it is changed back, and one who runs on": Scenario(
        (look(),), (overrun(look(), stored), BACK, begun(look())), first=(THERE,)
    ),
    "two at two batches": Scenario((batch(0), batch(1)), first=(planned(THERE),), people=3),
    "one plans and begins, another comes to the same batch": Scenario((plan_and_tell, first_batch), first=(THERE,)),
    "two at one notification": Scenario((letter, letter), first=(letter_is_due,)),
    "somebody is mailed that they wait while it is cancelled": Scenario(
        (wait_mail,), (told(CANCELLED),), first=(waits,)
    ),
    "somebody is mailed that it is cancelled while it takes place again": Scenario(
        (wait_mail, wait_mail), (told(REOPENED),), first=(waits, healed, CANCELLED, looked_at)
    ),
    "somebody is mailed that it is cancelled while that is changed": Scenario(
        (wait_mail, wait_mail), (told(THERE),), first=(waits, healed, CANCELLED, looked_at)
    ),
    "somebody who waits has another address": Scenario((wait_mail, look(2)), (has_another_address,), first=(waits,)),
    "somebody who may have been mailed that they wait again gets a seat, and it is cancelled again": Scenario(
        (wait_mail, look(2)),
        (CANCELLED,),
        first=(
            *(waits, healed, CANCELLED, healed, REOPENED, looked_at),
            *(answered("SES got it, its answer is lost", wait_mail), gets_a_seat),
        ),
    ),
    "somebody whose first mail may have left is invited, and it is cancelled": Scenario(
        (look(2), wait_mail),
        (told(CANCELLED),),
        first=(waits, answered("SES got it, its answer is lost", wait_mail), gets_a_seat),
    ),
    "somebody gets a seat while their first mail leaves, and it is cancelled": Scenario(
        (wait_mail, look(2)), (comes_and_it_is_cancelled,), first=(waits,)
    ),
    "somebody registers on a page while it is cancelled": Scenario(
        (wait_mail, look(2)), (CANCELLED,), first=(registers,), switches=3
    ),
    "somebody registers on a page for a date while it is cancelled": Scenario(
        (wait_mail, look(2)), (DATE_CANCELLED,), first=(registers_for_a_date,), switches=3
    ),
    "somebody who comes to a date is looked at while it is cancelled, and takes place again": Scenario(
        (look(2), look(2)), (DATE_CANCELLED, DATE_RESTORED, DATE_CANCELLED), first=(registers_for_a_date, healed)
    ),
    "somebody is mailed twice that it is cancelled, and the first comes back": Scenario(
        (comes_back(1),), first=(waits, healed, CANCELLED, healed, REOPENED, healed, CANCELLED, healed)
    ),
    "what somebody is mailed comes back while that is recorded": Scenario(
        (wait_mail, comes_back(1)), first=(waits, healed, CANCELLED, looked_at)
    ),
    "two plan": Scenario((plan, plan), first=(THERE,), people=5),
    "one plans and tells while it is changed back": Scenario((plan_and_tell,), (told(BACK),), first=(THERE,)),
    "one plans while it is changed back": Scenario((plan_and_tell,), (BACK,), first=(THERE,), people=3),
}


# --- every order --------------------------------------------------------------------------------------------------


@dataclass
class Played:
    """How one order went: at each step, how many ways there were to go on; and what it violates."""

    options: list[int]
    violations: list[Violation]


def begin(scenario: Scenario) -> Directed:
    world = Directed()
    people = People(world)
    world.waiting = None
    events.create_event(world.store, factories.event(event_id=EVENT_ID, title="A"))
    for _ in range(scenario.people):
        people.register()
    heal(world)
    world.faults = Directed().faults
    for deed in scenario.first:
        deed(world)
    return world


def play(base: Directed, scenario: Scenario, choices: tuple[int, ...]) -> Played:
    """Take the turns that ``choices`` name, then go on with whoever is at work. 0 is to go on, the others to switch."""
    world = base.copy()
    deeds, waiting = list(scenario.deeds), world.waiting
    assert waiting is not None
    for number, work in enumerate(scenario.workers):
        world.start(f"worker {number}", work)
    current: Run | None = next(iter(waiting), None)
    options: list[int] = []
    left = scenario.switches
    while waiting or deeds:
        others: list[Run | None] = [run for run in waiting if run is not current]
        if deeds:
            others.append(None)
        goes_on = current is not None and current in waiting
        turns = [current, *others] if goes_on else others
        if goes_on and not left:
            turns = turns[:1]
        choice = choices[len(options)] if len(options) < len(choices) else 0
        options.append(len(turns))
        left -= goes_on and choice > 0
        turn = turns[choice]
        if turn is None:
            before = set(waiting)
            deeds.pop(0)(world)
            current = next((run for run in waiting if run not in before), current)
        else:
            current = turn
            waiting.pop(turn)()
            world.run_until(world.now + 0.15)
            if current not in waiting:
                current = next((run for run in waiting if run.root is turn.root), None)
    world.waiting = None
    violations = list(checker.while_it_lives(world))
    heal(world)
    return Played(options, violations + list(checker.at_the_end(world)))


def orders(scenario: Scenario) -> Iterator[Played]:
    """Every order with at most as many switches as the scenario allows."""
    base, todo = begin(scenario), [()]  # type: tuple[Directed, list[tuple[int, ...]]]
    while todo:
        choices = todo.pop()
        played = play(base, scenario, choices)
        yield played
        for at in range(len(choices), len(played.options)):
            taken = choices + (0,) * (at - len(choices))
            todo += [(*taken, other) for other in range(1, played.options[at])]


def first_violation(name: str, switches: int | None = None) -> tuple[int, Violation | None]:
    """How many orders of a scenario were played until one violated a promise, and what it violated; all of them, or
    those with at most so many ``switches``.
    """
    count, scenario = 0, SCENARIOS[name]
    if switches is not None:
        scenario = replace(scenario, switches=switches)
    with quick.quick():
        quick.forget()
        for played in orders(scenario):
            count += 1
            if played.violations:
                return count, played.violations[0]
    return count, None
