"""Trials of the sweep, with more that is due than any history has; and the names of all trials. Each yields what it
finds wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from convoke import effects
from convoke.decision.invitation import Sending
from convoke.delivery import sweep
from convoke.effects import DueKind
from convoke.store import keys

from . import claims, crowds, interrupted, large_events, meetings, posting, rates, row_trials, splits, surveying
from .checker import Violation
from .due_model import MAILS, DueModel
from .scene import SENDER, START, TIMES

MINUTE, FUNCTION = timedelta(minutes=1), timedelta(seconds=30)
MAIL_NOBODY = (DueKind.FAN_OUT, DueKind.SURVEY, DueKind.SEATS, DueKind.HOLD, DueKind.IMPORT)
LEAST = 0.9
"""The share of the rate that is used at least, while anything is due."""


def _look(model: DueModel) -> sweep.SweepResult:
    limits = model.run(sweep.mail_limits(TIMES))
    result: sweep.SweepResult = model.run(sweep.sweep(SENDER, TIMES, limits=limits, until=model.now + FUNCTION))
    return result


def _with_much_due(batches: int = 300, **more: Any) -> DueModel:
    """Batches that are due, some more urgent and some less urgent mails, and what mails nobody behind all of them."""
    model = DueModel(**more)
    for number in range(batches):
        model.add(DueKind.BATCH, number, 1, timedelta(minutes=5))
    for number in range(400):
        model.add(DueKind.REGISTRATION, number, 0 if number < 200 else 2, timedelta(minutes=1))
    for kind in MAIL_NOBODY:
        for number in range(3):
            model.add(kind, 10_000 + number, 1)
    model.answers |= {
        effects.EndHold: lambda effect: model.due.pop(f"hold {effect.registration_id}") is not None,
        effects.Promote: lambda effect: int(model.due.pop(f"seats {effect.event_id}", None) is not None),
    }
    return model


def much_is_due() -> Iterator[Violation]:
    """All is handed out, at the rate, the most urgent first, nothing twice, and what mails nobody at once."""
    model = _with_much_due()
    mails = sum(MAILS.get(due.kind, 0) for due in model.due.values())
    most, kinds = int(model.rate * 60), {key: due.kind for key, due in model.due.items()}
    urgent = {key for key, due in model.due.items() if due.due_key.startswith("0")}
    quiet = {key for key, due in model.due.items() if due.kind in MAIL_NOBODY}
    minutes = int(mails / most / LEAST) + 3
    for minute in range(minutes):
        began, before = model.now, len(model.handed)
        _look(model)
        handed = [key for _, key in model.handed[before:]]
        count = sum(MAILS.get(kinds[key], 0) for key in handed)
        if count > most + MAILS[DueKind.BATCH]:
            yield Violation("sweep", f"{count} mails were handed out in minute {minute}, and {most} leave")
        if minute == 0 and not urgent <= set(handed):
            yield Violation("sweep", "the urgent had to wait for others")
        if minute == 0 and (left := [key for key in quiet & set(model.due) if key not in handed]):
            yield Violation("sweep", f"{left} mail nobody, and were not looked at")
        model.minute()
        model.now = began + MINUTE
    twice = [key for key, count in Counter(key for _, key in model.handed).items() if count > 1]
    if twice:
        yield Violation("sweep", f"{len(twice)} were handed out again before they were done")
    if model.due:
        yield Violation("sweep", f"{len(model.due)} were not done after {minutes} minutes")


def more_is_due_than_leaves() -> Iterator[Violation]:
    """While each minute more comes than leaves, whoever has been due for longest is handed out at some time."""
    model = DueModel(rate=1.0)
    many, few = (
        [n for n in range(9_000) if keys.shard(f"event{n:05d}") == one] for one in (keys.SHARDS[0], keys.SHARDS[-1])
    )
    model.add(DueKind.REGISTRATION, few[0], 1, timedelta(hours=1))
    oldest = next(iter(model.due))
    for _ in keys.SHARDS:
        for number in many[:60]:
            model.add(DueKind.REGISTRATION, number, 1)
        many, began = many[60:], model.now
        _look(model)
        model.minute()
        model.now = began + MINUTE
    if oldest in model.due:
        yield Violation("sweep", "who was due for longest was behind others all the time")


def queues_are_long() -> Iterator[Violation]:
    """While more waits than a minute takes, only what is urgent or mails nobody is handed out."""
    model = _with_much_due(2000)
    model.waiting[False] = [("earlier", 1)] * 5000
    urgent = {key for key, due in model.due.items() if due.due_key.startswith("0")}
    quiet = {key for key, due in model.due.items() if due.kind in MAIL_NOBODY}
    result = _look(model)
    handed = {key for _, key in model.handed}
    if not urgent <= handed:
        yield Violation("sweep", "the urgent had to wait for the ordinary queue")
    if left := (quiet & set(model.due)) - handed:
        yield Violation("sweep", f"{left} mail nobody, and were not looked at")
    if more := handed - urgent - quiet:
        yield Violation("sweep", f"{len(more)} were handed out behind thousands")
    if result.oldest < timedelta(minutes=5):
        yield Violation("sweep", f"says that the oldest has been due for {result.oldest}")


def hints_of_changes_wait() -> Iterator[Violation]:
    """Hints that stay in the queue since their changes wait are no mails."""
    model = _with_much_due(held=5000)
    _look(model)
    if not any(key.startswith("batch") for _, key in model.handed):
        yield Violation("sweep", "nothing was handed out beside changes that wait")


def all_mail_is_stopped() -> Iterator[Violation]:
    """Nothing that mails anybody is queued again and again, and what mails nobody goes on."""
    model = _with_much_due(2000, sending=Sending(stopped_until=START + timedelta(days=1)))
    quiet = {key for key, due in model.due.items() if due.kind in MAIL_NOBODY}
    _look(model)
    if more := {key for _, key in model.handed} - quiet:
        yield Violation("sweep", f"{len(more)} were handed out while all mail is stopped")
    if left := (quiet & set(model.due)) - {key for _, key in model.handed}:
        yield Violation("sweep", f"{left} mail nobody, and were not looked at")


def another_sweep_runs() -> Iterator[Violation]:
    """What another sweep has postponed since it was read is that one's to hand out."""
    model = _with_much_due()
    theirs = {key for number, key in enumerate(model.due) if number % 3 == 0}
    model.answers[effects.Postpone] = lambda effect: (
        f"{effect.due.kind} {effect.due.registration_id or effect.due.event_id}" not in theirs
    )
    _look(model)
    if both := theirs & {key for _, key in model.handed}:
        yield Violation("sweep", f"{len(both)} were handed out twice")


def an_error_about_one() -> Iterator[Violation]:
    """One waitlist that cannot be looked at holds up nothing else."""
    model = _with_much_due(batches=0)
    model.add(DueKind.SPLIT_TRANSFER, 20_000, 1)

    def fail(_: Any) -> Any:
        raise KeyError("item")

    model.answers |= {effects.Promote: fail, effects.TransferRegistrations: lambda _: 0}
    with suppress(KeyError):
        _look(model)
    if model.done[effects.EndHold] < 3 or not model.done[effects.TransferRegistrations]:
        yield Violation("sweep", "what comes after an error was not done")


def something_takes_long() -> Iterator[Violation]:
    """A waitlist of thousands who are promoted, and a split of thousands, hold up no other."""
    model = DueModel(takes={effects.Promote: 0.5, effects.TransferRegistrations: 0.5})
    done = set[str]()

    def some(effect: Any) -> int:
        done.add(effect.event_id)
        return 25

    model.answers |= {effects.Promote: some, effects.TransferRegistrations: some}
    for kind in (DueKind.SEATS, DueKind.SPLIT_TRANSFER):
        for number in range(10):
            model.add(kind, (30_000 if kind is DueKind.SEATS else 40_000) + number, 1)
    _look(model)
    if len(done) < 20:
        yield Violation("sweep", f"of 20 which take long, {len(done)} were begun with")


def _ends(what: str, model: DueModel, over: timedelta) -> Iterator[Violation]:
    began = model.now
    _look(model)
    if model.now > began + FUNCTION + over:
        yield Violation("sweep", f"took {model.now - began} {what}")


def tables_are_slow() -> Iterator[Violation]:
    """A sweep ends in time whatever is slow, and keeps time for what comes last."""
    yield from _ends("to read", DueModel(takes={effects.ReadDue: 2.0}), timedelta(seconds=3))
    model = _with_much_due(batches=0, rate=1000.0, takes={effects.Postpone: 0.4})
    of_one_shard = [number for number in range(20_000) if keys.shard(f"event{number:05d}") == keys.SHARDS[0]]
    model.add(DueKind.SPLIT_TRANSFER, of_one_shard[0], 0, timedelta(hours=1))
    for number in of_one_shard[1:]:
        model.add(DueKind.NOTIFICATION, number, 0, timedelta(minutes=2))
    model.answers[effects.TransferRegistrations] = lambda _: 1
    yield from _ends("to postpone, and to copy", model, timedelta(seconds=1))
    if model.done[effects.TransferRegistrations] < 100:
        yield Violation("sweep", "left no time to copy registrations")
    model = _with_much_due(batches=0, takes={effects.Promote: 0.5})
    model.answers[effects.Promote] = lambda _: int(model.done[effects.Promote] < 200)
    yield from _ends("to promote people", model, timedelta(seconds=2))


TRIALS: dict[str, Callable[[], Iterator[Violation]]] = {
    trial.__name__: trial
    for trial in (
        much_is_due,
        more_is_due_than_leaves,
        queues_are_long,
        hints_of_changes_wait,
        all_mail_is_stopped,
        another_sweep_runs,
        an_error_about_one,
        tables_are_slow,
        something_takes_long,
        large_events.a_large_event_is_planned,
        large_events.a_large_event_is_planned_while_mail_is_stopped,
        large_events.a_batch_is_dropped_or_told,
        meetings.a_change_meets_an_urgent_one,
        interrupted.an_erasure_is_interrupted,
        interrupted.a_wake_up_meets_a_more_urgent_one,
        interrupted.a_change_meets_something_more_urgent,
        interrupted.kept_seats_are_passed_on,
        interrupted.seats_meet_others,
        interrupted.a_batch_ends_while_the_last_is_planned,
        interrupted.a_batch_is_interrupted,
        interrupted.a_wait_mail_meets_a_seat,
        interrupted.a_request_arrives_after_its_cancellation,
        crowds.registrations_meet_others,
        crowds.seats_that_are_free_meet_others,
        crowds.who_waits_meets_others,
        crowds.who_is_promoted_meets_others,
        crowds.a_block_meets_a_change,
        posting.a_distribution_is_interrupted,
        row_trials.two_rows_that_exchange_addresses_meet,
        row_trials.two_rows_that_exchange_addresses_fail,
        surveying.a_large_event_is_surveyed,
        surveying.thousands_were_not_reached,
        claims.a_claim_is_answered_late,
        splits.a_registration_meets_a_split,
        splits.a_slow_look_meets_the_next_one,
        splits.somebody_cannot_be_copied,
        splits.somebody_comes_back_after_a_split,
    )
} | rates.TRIALS


def first_violation(name: str) -> Violation | None:
    return next(TRIALS[name](), None)
