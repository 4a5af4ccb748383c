"""On the whole stack: mails of which nobody knows whether they left. They are begun early, and looked at here, so
that hardly anybody waits until nobody can be sending them any more; but before the tests that count all mails.
"""

from __future__ import annotations

import time

import pytest

from tests.running import Running
from tests.test_stack import is_told

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_after_an_unknown_outcome_at_most_one_more_copy_leaves_with_the_same_calendar(
    stack: Running, unknown: tuple[float, dict[str, str]]
) -> None:
    began, people = unknown
    stack.eventually(
        lambda: all(is_told(stack, registration) for registration in people.values()), seconds=120, sweeping=True
    )
    # The longest lease, so that whoever would send again may.
    time.sleep(max(0, began + 55 - time.monotonic()))
    stack.sweep()
    time.sleep(1)
    for email in people:
        mails = stack.mails(email)
        assert 1 <= len(mails) <= (2 if email.startswith("timeout-after-accept") else 1), email
        assert len({mail.calendar.encode() for mail in mails}) == 1
