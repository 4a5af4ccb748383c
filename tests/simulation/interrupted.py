"""Trials of writes that others come in between of: at each call to the tables that they make. Each yields what is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

from convoke.effects import BatchHint, ClaimBatch, EndBatch, WakeUp
from convoke.mail.notifications import NotificationKind
from convoke.model import EventStatus, RegistrationStatus
from convoke.registrations import erasure, registry, returning, waitlist
from convoke.store import keys
from tests import factories

from . import checker, orders, quick
from .checker import Violation
from .history import People, heal
from .scene import EVENT_ID, TIMES
from .tables import refused
from .world import BATCH, PAGE

PERSON = f"{1:010d}{EVENT_ID}"
SEATS, MORE_SEATS = 2, 5
ANEW, OTHER = (
    factories.registration(event_id=EVENT_ID, registration_id=f"{number:010d}{EVENT_ID}", email=email)
    for number, email in ((8, "person1@example.net"), (9, "person1+other@example.net"))
)
"""Two registrations of one mailbox: a new one with the first person's address, and one with another address."""
LI = replace(ANEW, registration_id=f"{7:010d}{EVENT_ID}", email="li@example.net")


class Interrupted(orders.Directed):
    """A world in which, at one call of those to the tables, somebody else does all of their work."""

    interrupted_at, calls, met = 0, 0, 0
    """The number of the call before which somebody else acts, the count of calls, and how many writes are still to meet
    those of others.
    """
    by: Callable[[Interrupted], object]

    def before(self) -> None:
        self.calls += 1
        if self.calls == self.interrupted_at:
            self.by(self)

    def lost(self) -> str:
        if self.met == 0:
            return super().lost()
        self.met -= 1
        return "conflict"


def _sends_again(world: Interrupted) -> None:
    orders.repaired(world)
    world.start("who sends again", orders.look())
    world.run_until(world.now + 10)


def an_erasure_is_interrupted() -> Iterator[Violation]:
    """Whatever is sent and stored while somebody is erased is forgotten, too."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(orders.to_be_erased,)))
        count = _erased(base, at=0).calls
        for at in range(1, count + 1):
            world = _erased(base, at=at)
            heal(world)
            yield from checker.at_the_end(world)


def _erased(base: orders.Directed, *, at: int) -> Interrupted:
    """A copy of ``base`` in which somebody was erased, interrupted at the call with this number; 0 at none."""
    world = interrupted(base, _sends_again, at=at)
    erasure.forget(world.store, EVENT_ID, PERSON, now=world.instant())
    world.interrupted_at = -1
    return world


def a_wake_up_meets_a_more_urgent_one() -> Iterator[Violation]:
    """Somebody who is looked at again is not looked at later since they are woken up for something less urgent."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario(()))
        for at in (1, 2):
            world = interrupted(base, orders.withdraw, at=at)
            later = keys.due_key(1, world.instant() + TIMES.hint)
            world.perform(WakeUp(event_id=EVENT_ID, registration_id=PERSON, due_key=later))
            seen = world.store.reads.invitation(EVENT_ID, PERSON)
            if seen is None or seen.due_key is None or not seen.due_key.startswith("0"):
                yield Violation("pressing", f"a withdrawal is due at {seen and seen.due_key}")


def a_change_meets_something_more_urgent() -> Iterator[Violation]:
    """What is asked for makes nobody wait who is due for something more urgent since."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario(()))
        for deed in (_asks_again, _moves_house):
            count = _changed(base, deed, at=0).calls
            for at in range(1, count + 1):
                world = _changed(base, deed, at=at)
                seen = world.store.reads.invitation(EVENT_ID, PERSON)
                if seen is None or seen.due_key is None or not seen.due_key.startswith("0"):
                    yield Violation("pressing", f"{deed.__name__}, call {at}: it is due at {seen and seen.due_key}")


def a_batch_ends_while_the_last_is_planned() -> Iterator[Violation]:
    """A fan-out is over with its last batch, also where that is planned and ends while another counts itself off."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(_only_the_first_batch_is_left,), people=BATCH * PAGE + 1))
        count = _ended(base, at=0).calls
        for at in range(1, count + 1):
            world = _ended(base, at=at)
            heal(world)
            yield from checker.at_the_end(world)


def _only_the_first_batch_is_left(world: orders.Directed) -> None:
    """Of the batches that are planned only the first has not ended, though its people are informed."""
    orders.planned(orders.THERE)(world)
    for work in (*(orders.batch(-1) for _ in range(1, PAGE)), *map(orders.look, range(1, BATCH + 1))):
        _done(world, work)


def _ended(base: orders.Directed, *, at: int) -> Interrupted:
    """A copy of ``base`` in which the first batch ends; at the call with this number the others are planned and end."""
    world = interrupted(base, _plans_and_tells, at=-1)
    hint = BatchHint(event_id=EVENT_ID, version=2, first="")
    batch = world.perform(ClaimBatch(hint=hint, now=world.instant(), lease_until=world.instant() + TIMES.hint))
    world.interrupted_at, world.calls = at, 0
    world.perform(EndBatch(batch=batch))
    return world


def _plans_and_tells(world: Interrupted) -> None:
    world.interrupted_at = -1
    _done(world, orders.plan_and_tell)


def _done(world: orders.Directed, work: orders.Work) -> None:
    world.start("a worker", work)
    world.run_until(world.now + TIMES.function.total_seconds())


def _changed(base: orders.Directed, deed: orders.Deed, *, at: int) -> Interrupted:
    world = interrupted(base, _wakes_up, at=at)
    deed(world)
    return world


def _wakes_up(world: Interrupted) -> None:
    world.interrupted_at = -1
    urgent = keys.due_key(0, world.instant())
    world.store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=PERSON, due_key=urgent))


def _asks_again(world: orders.Directed) -> None:
    registry.resend(world.store, EVENT_ID, PERSON, now=world.instant())


def _moves_house(world: orders.Directed) -> None:
    changes = {"email": "elsewhere@example.net"}
    registry.change_registration(world.store, EVENT_ID, PERSON, changes=changes, priority=1, now=world.instant())


def kept_seats_are_passed_on() -> Iterator[Violation]:
    """The seats that are kept for somebody are passed on once, to a new registration of theirs and to nobody else."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(_a_seat_is_kept,), people=SEATS))
        for by in (
            *(_comes_back, _comes_back_with_guests, _hold_is_over),
            *(_registers_too, _keeps_seats_of_the_mailbox),
        ):
            count = _registers_anew(base, by, at=0).calls
            for at in range(1, count + 1):
                world = _registers_anew(base, by, at=at)
                yield from _passed_on_otherwise(world, f"{by.__name__}, call {at}", by)
                heal(world)
                yield from checker.at_the_end(world)


def a_batch_is_interrupted() -> Iterator[Violation]:
    """A change comes to its end and to everybody, whatever fails or is done by others while a worker is at a batch."""
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=(orders.planned(orders.THERE),), people=3))
        for by in (fails, _tells_the_rest):
            count = _told(base, by, at=0).calls
            for at in range(1, count + 1):
                world = _told(base, by, at=at)
                yield from checker.while_it_lives(world)
                heal(world)
                yield from checker.at_the_end(world)


def _is_full(world: orders.Directed) -> None:
    orders.change(capacity=SEATS)(world)
    orders.healed(world)


def _a_seat_is_kept(world: orders.Directed) -> None:
    """The event is full, the first person withdrew by one click, and somebody waits."""
    _withdraws_by_one_click(world)
    registry.register(world.store, LI, now=world.instant())


def _withdraws_by_one_click(world: orders.Directed) -> None:
    _is_full(world)
    now = world.instant()
    assert world.store.brakes.may_hold(EVENT_ID, PERSON, ANEW.email, now + returning.HELD, now)
    world.left[PERSON] += 1
    registry.withdraw(world.store, EVENT_ID, PERSON, now=now, held_until=now + returning.HELD)


def seats_meet_others() -> Iterator[Violation]:
    """Nobody waits for a seat that is free, seats are kept as long as was said, and those of an event that was closed
    before are given to nobody, whatever comes in between.
    """
    with quick.quick():
        quick.forget()
        full = orders.begin(orders.Scenario((), first=(_is_full,), people=SEATS))
        kept = orders.begin(orders.Scenario((), first=(_a_seat_is_kept,), people=SEATS))
        alone = orders.begin(orders.Scenario((), first=(_withdraws_by_one_click,), people=SEATS))
        for base, deed, by in (
            (full, orders.withdraw, _somebody_waits),
            *((kept, _day_is_over, _comes_and_leaves), (alone, _day_is_over, _somebody_waits)),
            *((kept, deed, orders.CANCELLED) for deed in (_returns, _comes_anew)),
            *((kept, deed, _hold_is_over) for deed in (_returns, _gives_up_what_is_kept)),
        ):
            count = _met(base, deed, by, at=0).calls
            for at in range(1, count + 1):
                world = _met(base, deed, by, at=at)
                if by is _comes_and_leaves and world.store.seats.hold(EVENT_ID, PERSON) is None:
                    yield Violation("G1", f"call {at}: what was kept anew was released by a look of before")
                heal(world)
                yield from checker.at_the_end(world)


def _registers_anew(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    world = interrupted(base, by, at=at)
    world.returning.add(ANEW.registration_id)  # to seats that are taken until the transaction's end
    registry.register(world.store, ANEW, now=world.instant())
    return world


def _comes_back(world: Interrupted) -> None:
    world.interrupted_at = -1
    returning.come_back(world.store, EVENT_ID, PERSON, now=world.instant())


def _comes_back_with_guests(world: Interrupted) -> None:
    """Comes back, and withdraws by one click once more: with guests, for whom there are seats now."""
    _comes_back(world)
    orders.change(capacity=MORE_SEATS)(world)
    waitlist.promote(world.store, EVENT_ID, now=world.instant())
    now = world.instant() + timedelta(seconds=1)
    registry.change_registration(world.store, EVENT_ID, PERSON, changes={"guests": 2}, priority=1, now=now)
    world.left[PERSON] += 1
    registry.withdraw(world.store, EVENT_ID, PERSON, now=now, held_until=now + returning.HELD)


def _hold_is_over(world: Interrupted) -> None:
    world.interrupted_at = -1
    returning.end_hold(world.store, EVENT_ID, PERSON, now=world.instant(), early=True)
    waitlist.promote(world.store, EVENT_ID, now=world.instant())


def _registers_too(world: Interrupted) -> None:
    """Somebody registers with another address of the same mailbox."""
    world.interrupted_at = -1
    registry.register(world.store, OTHER, now=world.instant())


def _keeps_seats_of_the_mailbox(world: Interrupted) -> None:
    """A registration with another address of the mailbox keeps seats, by a clock that is so far ahead that the time of
    those that are kept is over.
    """
    world.interrupted_at = -1
    later = world.instant() + returning.HELD
    assert world.store.brakes.may_hold(EVENT_ID, OTHER.registration_id, OTHER.email, later + returning.HELD, later)


def _met(
    base: orders.Directed, deed: Callable[[Interrupted], None], by: Callable[[Interrupted], None], *, at: int
) -> Interrupted:
    world = interrupted(base, by, at=at)
    deed(world)
    return world


def _somebody_waits(world: Interrupted) -> None:
    world.interrupted_at = -1
    registry.register(world.store, LI, now=world.instant())


def _returns(world: Interrupted) -> None:
    returning.come_back(world.store, EVENT_ID, PERSON, now=world.instant())


def _gives_up_what_is_kept(world: Interrupted) -> None:
    returning.end_hold(world.store, EVENT_ID, PERSON, now=world.instant(), early=True)


def _comes_anew(world: Interrupted) -> None:
    registry.register(world.store, ANEW, now=world.instant())


def _day_is_over(world: Interrupted) -> None:
    """By the clock of the sweep, the time for which the seats are kept is over."""
    returning.end_hold(world.store, EVENT_ID, PERSON, now=world.instant() + returning.HELD)


def _comes_and_leaves(world: Interrupted) -> None:
    """The person comes back, and withdraws by one click once more, a day from now."""
    world.interrupted_at = -1
    later = world.instant() + returning.HELD
    returning.come_back(world.store, EVENT_ID, PERSON, now=later)
    world.left[PERSON] += 1
    registry.withdraw(world.store, EVENT_ID, PERSON, now=later, held_until=later + returning.HELD)


def _passed_on_otherwise(world: Interrupted, what: str, by: Callable[[Interrupted], None]) -> Iterator[Violation]:
    store, people = world.store, {person.registration_id: person for person, _ in world.store.reads.everybody(EVENT_ID)}
    come = [one for one in people.values() if one.status is RegistrationStatus.REGISTERED]
    seats, count = store.reads.seats(EVENT_ID), sum(one.seats for one in come)
    if seats.held + count != seats.taken or seats.taken not in range(SEATS, (seats.capacity or 0) + 1):
        yield Violation("G1", f"{what}: {count} seats for {len(come)} who come, {seats}")
    if (other := people.get(OTHER.registration_id)) is not None and other in come:
        yield Violation("G1", f"{what}: {other} has what was kept for somebody else")
    holds = store.brakes.holds(EVENT_ID, ANEW.email, world.instant())
    ours = OTHER.registration_id if by is _keeps_seats_of_the_mailbox else ANEW.registration_id
    if holds != ours and (by is _keeps_seats_of_the_mailbox or people.get(ours) in come):
        yield Violation("brake", f"{what}: the mailbox may keep seats for {holds}")


def _told(base: orders.Directed, by: Callable[[Interrupted], None], *, at: int) -> Interrupted:
    world = interrupted(base, by, at=at)
    world.start("who tells", orders.batch())
    world.run_until(world.now + 60)
    world.interrupted_at = -1
    return world


def fails(_: Interrupted) -> None:
    raise refused("ThrottlingException", "Call")


def _tells_the_rest(world: Interrupted) -> None:
    world.start("who tells the rest", orders.batch(-1))
    world.run_until(world.now + 20)


def a_wait_mail_meets_a_seat() -> Iterator[Violation]:
    """Whoever is invited, since the event takes place again, is sent no wait mail after that."""
    first = (orders.waits, orders.healed, orders.CANCELLED, orders.looked_at)
    with quick.quick():
        quick.forget()
        base = orders.begin(orders.Scenario((), first=first))
        mailed: list[int] = []
        count = _wait_mailed(base, mailed, at=0)[0].calls
        for at in range(1, count + 1):
            mailed.clear()
            world, mails = _wait_mailed(base, mailed, at=at)
            if mailed and mailed[0] < len(mails):
                yield Violation("notifications", f"call {at}: {mails} to who was invited")
            heal(world)
            yield from checker.at_the_end(world)


def _wait_mailed(
    base: orders.Directed, mailed: list[int], *, at: int
) -> tuple[Interrupted, list[tuple[NotificationKind, str]]]:
    """Another worker gives the person a seat and invites them: ``mailed`` gets how many wait mails there were then."""

    def invited(world: Interrupted) -> None:
        world.interrupted_at = -1
        orders.change(status=EventStatus.CONFIRMED, capacity=2)(world)
        waitlist.promote(world.store, EVENT_ID, now=world.instant())
        world.start("who invites", orders.look(2))
        world.run_until(world.now + 3)
        mailed.append(len(mails))

    world = interrupted(base, invited, at=at)
    mails = world.notifications.wait_mails[f"{2:010d}{EVENT_ID}"]
    world.start("who mails", orders.wait_mail)
    world.run_until(world.now + 60)
    world.interrupted_at = -1
    return world, mails


def a_request_arrives_after_its_cancellation() -> Iterator[Violation]:
    """A cancellation is sent again where the request before it arrives after it."""
    with quick.quick():
        quick.forget()
        world = orders.begin(orders.Scenario((), people=0))
        world.faults.often |= {"report lost": 0.0, "mail late": 1.0}
        # Five minutes late.
        world.reports_heard, world.random = True, lambda: 0.5
        for deed in (People(world).register, partial(orders.withdraw, world)):
            deed()
            world.start("who sends", orders.look())
            world.run_until(world.now + 10)
            world.faults.often["mail late"] = 0.0
        heal(world)
        yield from checker.at_the_end(world)


def interrupted(base: orders.Directed, by: Callable[[Interrupted], object], *, at: int) -> Interrupted:
    """A copy of ``base`` in which somebody else comes before the call with this number."""
    world = base.copy()
    world.__class__ = Interrupted
    assert isinstance(world, Interrupted)
    world.by, world.waiting, world.interrupted_at, world.calls = by, None, at, 0
    return world
