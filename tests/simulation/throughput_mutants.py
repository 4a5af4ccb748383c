"""Mutants of what is about amounts and time: the pace, the sweep, and the turns of batches and which are dropped."""

from __future__ import annotations

from datetime import timedelta

from convoke.delivery import fan_out, pace, reconcile, survey, sweep
from convoke.store import conditions, keys

from .mutant import Mutant, instead, without

NOTHING = "attribute_not_exists(#nothing)"
"""A condition that always holds."""

THROUGHPUT: dict[str, Mutant] = {
    "a-sweep-hands-out-as-many-mails-as-leave": Mutant(
        without(sweep, "_within", "elif left > 0:", "else:"), trial="much_is_due"
    ),
    "what-was-handed-out-counts": Mutant(
        without(sweep, "sweep", " - sum(MAILS.get(one.kind, 0) for one in handed)", ""), trial="much_is_due"
    ),
    "a-batch-counts-all-its-people": Mutant(
        instead(sweep, "MAILS", dict.fromkeys(sweep.MAILS, 1)), trial="much_is_due"
    ),
    "the-most-urgent-first": Mutant(instead(sweep, "PRIORITIES", (2, 1, 0)), trial="much_is_due"),
    "many-are-recorded-at-the-same-time": Mutant(instead(survey, "AT_ONCE", 1), trial="thousands_were_not_reached"),
    "no-shard-is-always-the-last": Mutant(
        instead(sweep, "_from_another_on", lambda shards, _: shards), trial="more_is_due_than_leaves"
    ),
    "handed-out-only-after-a-while-again": Mutant(
        without(sweep, "_postpone", "now + times.hint", "now"), trial="much_is_due"
    ),
    "what-mails-nobody-has-no-budget": Mutant(
        without(sweep, "_within", "if not mails:", "if False:"), trial="queues_are_long"
    ),
    "what-mails-nobody-is-read-without-a-budget": Mutant(
        without(sweep, "sweep", "TASKS if shard in TASK_SHARDS else max(1, left)", "max(1, left)"),
        trial="queues_are_long",
    ),
    "what-mails-nobody-is-not-behind-what-does": Mutant(
        instead(keys, "task_shard", keys.shard), trial="all_mail_is_stopped"
    ),
    "hints-in-the-queues-are-mails": Mutant(
        without(sweep, "mail_limits", "all=max(0, mails - urgent - ordinary)", "all=mails"), trial="queues_are_long"
    ),
    "urgent-mails-wait-for-no-others": Mutant(
        without(sweep, "mail_limits", "urgent=max(0, mails - urgent)", "urgent=max(0, mails - urgent - ordinary)"),
        trial="queues_are_long",
    ),
    "hints-of-changes-that-wait-are-no-mails": Mutant(
        without(sweep, "mail_limits", "ordinary - (yield CountHeld(now=(yield Clock())))", "ordinary"),
        trial="hints_of_changes_wait",
    ),
    "nothing-is-handed-out-while-mail-is-stopped": Mutant(
        without(sweep, "sweep", "if sending.stopped(now):", "if False:"), trial="all_mail_is_stopped"
    ),
    "only-what-it-postponed-itself": Mutant(
        without(sweep, "_hand_out_all", "if answer is True", "if True"), trial="another_sweep_runs"
    ),
    "an-error-about-one-holds-up-nothing": Mutant(
        without(
            sweep,
            "_in_turn",
            "answers = yield All(steps=tuple(_in_time(some_of(due), until) for due in dues), at_once=1)",
            "answers = []\n        for due in dues:\n"
            "            answers.append((yield from _in_time(some_of(due), until)))",
        ),
        trial="an_error_about_one",
    ),
    "a-sweep-ends-while-it-reads": Mutant(
        without(sweep, "sweep", "if (yield Clock()) >= queued_until:", "if False:"), trial="tables_are_slow"
    ),
    "a-sweep-ends-while-it-postpones": Mutant(
        without(sweep, "_hand_out_all", "while dues and (yield Clock()) < until:", "while dues:"),
        trial="tables_are_slow",
    ),
    "what-takes-long-holds-up-no-other": Mutant(
        without(
            sweep,
            "_in_turn",
            "_in_time(some_of(due), until) for due in dues",
            "_in_time(some_of(due), until) for due in dues[:1]",
        ),
        without(
            sweep,
            "_in_turn",
            "zip(dues, answers, strict=True) if more is True]",
            "zip(dues[:1], answers, strict=True) if more is True] or dues[1:]",
        ),
        trial="something_takes_long",
    ),
    "a-sweep-ends-while-it-promotes-and-copies": Mutant(
        without(sweep, "_in_time", "< until and ", "< until + timedelta(minutes=1) and "), trial="tables_are_slow"
    ),
    "a-sweep-keeps-time-to-copy": Mutant(instead(sweep, "SHARE", 0.0), trial="tables_are_slow"),
    "batches-have-their-turns": Mutant(
        instead(fan_out, "_wait", lambda *_: timedelta()), trial="a_large_event_is_planned"
    ),
    "turns-go-on-in-the-next-page": Mutant(
        without(fan_out, "_plan_page", "_wait(seen.left + number,", "_wait(number,"), trial="a_large_event_is_planned"
    ),
    "only-the-next-batches-are-queued": Mutant(
        without(fan_out, "_plan_page", "turn < now + QUEUED_AHEAD and", "True and"), trial="a_large_event_is_planned"
    ),
    "a-queued-batch-is-due-after-its-turn": Mutant(
        without(fan_out, "_plan_page", "turn + worker.times.hint if ahead", "now + worker.times.hint if ahead"),
        trial="a_large_event_is_planned",
    ),
    "a-batch-is-due-before-its-turn": Mutant(
        without(fan_out, "_plan_page", "else turn - QUEUED_AHEAD / 2", "else turn"), trial="a_large_event_is_planned"
    ),
    "no-batch-is-queued-while-mail-is-stopped": Mutant(
        without(fan_out, "_plan_page", " and not sending.stopped(now)", ""),
        trial="a_large_event_is_planned_while_mail_is_stopped",
    ),
    "a-batch-gives-way-to-a-newer-version-only": Mutant(
        without(fan_out, "_takes_the_place", "fan_out.version > batch.version and ", ""),
        trial="a_batch_is_dropped_or_told",
    ),
    "a-batch-gives-way-while-the-newer-is-planned": Mutant(
        without(fan_out, "_takes_the_place", " and fan_out.planning", ""), trial="a_batch_is_dropped_or_told"
    ),
    "a-batch-gives-way-to-what-is-as-pressing": Mutant(
        without(fan_out, "_takes_the_place", " and fan_out.priority <= batch.priority", ""),
        trial="a_batch_is_dropped_or_told",
    ),
    "left-over-is-what-is-older": Mutant(
        without(fan_out, "_is_left_over", "fan_out.version > batch.version and ", ""),
        trial="a_batch_is_dropped_or_told",
    ),
    "left-over-is-what-all-were-told": Mutant(
        without(fan_out, "_is_left_over", " and not fan_out.overlaps", ""), trial="a_batch_is_dropped_or_told"
    ),
    "what-waits-takes-no-place": Mutant(
        without(fan_out, "_begin", "_is_left_over if fan_out.waits(now) else _takes_the_place", "_takes_the_place"),
        trial="a_batch_is_dropped_or_told",
    ),
    "a-mail-has-a-turn": Mutant(
        without(reconcile, "deliver", "if not (yield from wait_for_turn(", "if not (True or wait_for_turn(")
    ),
    "a-turn-comes-before-the-claim": Mutant(
        without(reconcile, "deliver", "if not (yield from wait_for_turn(", "if not (True or wait_for_turn("),
        without(
            reconcile,
            "deliver",
            "    answer = yield Send(",
            "    yield from wait_for_turn(sending, worker.turns, urgent=urgency == URGENT)\n    answer = yield Send(",
        ),
    ),
    "a-second-has-as-many-turns-as-the-rate": Mutant(
        instead(conditions, "TURNS_ARE_LEFT", NOTHING),
        instead(conditions, "HALF_IS_LEFT", NOTHING),
        instead(conditions, "HALF_IS_LEFT_BESIDE_URGENT", NOTHING),
    ),
    "a-mail-waits-for-its-turn": Mutant(
        without(reconcile, "wait_for_turn", "if turn > now:", "if False:"), trial="urgent_mail_alone"
    ),
    "not-all-of-the-rate-is-used": Mutant(instead(pace, "SHARE", 1.3), trial="a_fan_out_keeps_to_the_rate"),
    "who-sends-one-mail-draws-one-turn": Mutant(
        without(pace, "_draw", "min(DRAWN_AT_ONCE - 1, max(0, turns.wanted - turns.coming))", "DRAWN_AT_ONCE - 1"),
        trial="one_after_the_other_at_the_rate",
    ),
    "what-another-thread-draws-for-needs-no-turn": Mutant(
        without(pace, "_draw", "max(0, turns.wanted - turns.coming)", "max(0, turns.wanted)"),
        trial="drawn_turns_are_used",
    ),
    "what-was-drawn-for-is-not-coming-any-more": Mutant(
        without(pace, "_draw", "turns.coming -= more", "pass"), trial="drawn_turns_are_used"
    ),
    "what-a-batch-has-sent-needs-no-turn": Mutant(
        without(fan_out, "process_batch", "worker.turns.wanted -= 1", "pass"), trial="a_fan_out_keeps_to_the_rate"
    ),
    "a-batch-draws-a-few-turns-at-a-time": Mutant(instead(pace, "DRAWN_AT_ONCE", 1000), trial="others_beside_batches"),
    "half-of-a-second-is-for-urgent-mail": Mutant(
        instead(conditions, "HALF_IS_LEFT_BESIDE_URGENT", conditions.TURNS_ARE_LEFT), trial="urgent_mail_beside_batches"
    ),
    "half-of-the-next-second-is-for-urgent-mail": Mutant(
        instead(conditions, "HALF_IS_LEFT", conditions.TURNS_ARE_LEFT), trial="urgent_mail_beside_batches"
    ),
    "urgent-mail-looks-further": Mutant(
        without(pace, "_draw", "AHEAD if urgent else 2", "2"), trial="urgent_mail_alone"
    ),
    "ordinary-mail-waits-for-the-next-second": Mutant(
        without(reconcile, "wait_for_turn", "if urgent or begins > last:", "if True:"), trial="ordinary_mail_alone"
    ),
    "nobody-waits-for-a-turn-for-ever": Mutant(
        without(reconcile, "wait_for_turn", "if urgent or begins > last:", "if urgent:"), trial="all_turns_are_taken"
    ),
    "a-refusal-slows-all-down": Mutant(instead(pace, "THROTTLED", frozenset()), trial="ses_is_busy"),
    "a-burst-of-refusals-slows-down-once": Mutant(
        instead(conditions, "NOT_JUST_SLOWED", NOTHING), trial="ses_refuses_many_at_once"
    ),
    "the-pace-recovers": Mutant(instead(pace, "RECOVERY", timedelta(days=1)), trial="ses_is_busy"),
    "the-pace-recovers-slowly": Mutant(instead(pace, "RECOVERY", timedelta(seconds=0.1)), trial="ses_is_busy"),
}
