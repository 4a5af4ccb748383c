"""Attempts at a delivery: when one may be claimed, and what follows from its result."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.delivery.attempts import Attempts, Cannot, Claimed, Stage, claim, mail_policy, outcome
from convoke.effects import Accepted, Refusal, Refused, Unknown
from convoke.settings import Times
from tests.factories import NOW, expect

TIMES = Times()
POLICY = mail_policy(TIMES)
DEADLINE = NOW + timedelta(seconds=30)
LATER = NOW + timedelta(seconds=1)
BUSY, POISON, LOST = Refused(refusal=Refusal.BUSY, why=""), Refused(refusal=Refusal.POISON, why=""), Unknown(why="")
ANSWERS = st.sampled_from([Accepted(ses_id="s"), BUSY, POISON, LOST])
TRIED = st.builds(Attempts, failed=st.integers(0, 30), unknown=st.integers(0, TIMES.max_unknowns - 1))


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Attempts(stage=Stage.DONE), Cannot.ENDED),
        (Attempts(stage=Stage.GIVEN_UP), Cannot.ENDED),
        (Attempts(lease_until=LATER), Cannot.BUSY),
        (Attempts(not_before=LATER), Cannot.EARLY),
        (Attempts(unknown=TIMES.max_unknowns), Cannot.EXHAUSTED),
        (Attempts(unknown=TIMES.max_unknowns, lease_until=LATER), Cannot.BUSY),
    ],
)
def test_what_is_not_due_is_not_claimed(seen: Attempts, why: Cannot) -> None:
    assert claim(seen, POLICY, NOW, DEADLINE) is why


def test_what_was_held_or_put_off_until_now_is_claimed() -> None:
    assert isinstance(claim(Attempts(lease_until=NOW, not_before=NOW), POLICY, NOW, DEADLINE), Claimed)


def test_nobody_begins_what_cannot_end_in_time() -> None:
    assert isinstance(claim(Attempts(), POLICY, DEADLINE - POLICY.longest, DEADLINE), Claimed)
    assert claim(Attempts(), POLICY, DEADLINE - POLICY.longest + timedelta(microseconds=1), DEADLINE) is Cannot.LATE


@given(TRIED, ANSWERS, st.floats(0, 1, exclude_max=True))
def test_while_an_attempt_may_still_go_on_nobody_else_makes_one(
    tried: Attempts, answer: Accepted | Refused | Unknown, chance: float
) -> None:
    begun = expect(Claimed, claim(tried, POLICY, NOW, DEADLINE))
    assert begun.until >= DEADLINE + POLICY.longest
    assert begun.attempts.unknown == tried.unknown + 1
    just_before = begun.until - timedelta(microseconds=1)
    assert claim(begun.attempts, POLICY, just_before, begun.until + timedelta(minutes=1)) is Cannot.BUSY
    after = outcome(begun, answer, POLICY, LATER, chance)
    if isinstance(answer, Unknown):
        assert (after.unknown, after.failed, after.lease_until) == (tried.unknown + 1, tried.failed, begun.until)
        assert after.not_before is not None
        assert after.not_before >= max(begun.until, LATER + TIMES.resend_after)
    else:
        assert (after.unknown, after.lease_until) == (tried.unknown, None)
        assert (after.stage is Stage.DUE) == (answer == BUSY)
        assert (after.not_before is not None) == (answer == BUSY)


def test_refusals_do_not_give_a_mail_up_but_unknown_outcomes_do() -> None:
    tried, now = Attempts(failed=100), NOW
    for _ in range(TIMES.max_unknowns):
        tried = outcome(expect(Claimed, claim(tried, POLICY, now, now + timedelta(seconds=30))), LOST, POLICY, now, 0.5)
        now = tried.not_before or now
    assert claim(tried, POLICY, now, now + timedelta(seconds=30)) is Cannot.EXHAUSTED
