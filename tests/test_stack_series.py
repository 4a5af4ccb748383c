"""A series on the whole stack: its dates as they come by mail, and a split that copies everybody."""

from __future__ import annotations

from typing import Any

import pytest

from local.mailbag import Mail
from tests import rfc5546
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SECOND, FOURTH = "2030-03-15T09:00:00", "2030-03-29T09:00:00"
PATIENCE = 240
"""Seconds: longer than the sweeper leaves to whoever was asked first."""
AT_ONCE_AND_SOME = 53
"""More people than are copied while the organizer waits."""


def a_series(stack: Running) -> str:
    return stack.an_event(title="Choir", start="2030-03-08T09:00:00", recurrence="FREQ=WEEKLY;COUNT=5")


def register(stack: Running, event: str, email: str, **more: Any) -> None:
    stack.call("POST", f"{event}/registrations", {"name": email.partition("@")[0], "email": email, **more})


def days(mails: list[Mail]) -> list[str]:
    """The dates that a calendar shows after these mails, all series together."""
    calendar = rfc5546.Recipient()
    for mail in mails:
        calendar.take(rfc5546.read(mail.calendar.encode()))
    return sorted(f"{one.start:%d %H:%M} {one.title}" for dates in calendar.shows().values() for one in dates.values())


def test_dates_come_go_and_move_one_by_one(stack: Running) -> None:
    event, everything, some = a_series(stack), "all-dates@example.net", "two-dates@example.net"
    register(stack, event, everything)
    register(stack, event, some, occurrences=[SECOND, FOURTH])
    stack.eventually(
        lambda: len(stack.mails(everything)) == 1 and len(stack.mails(some)) == 2, seconds=PATIENCE, sweeping=True
    )

    stack.call("POST", f"{event}/occurrences/{SECOND}/cancel", {"reason": "The hall is flooded"})
    moved: dict[str, Any] = {"start": "2030-03-30T10:00:00", "end": "2030-03-30T12:00:00"}
    previewed = stack.call("POST", f"{event}/preview", {"occurrence": FOURTH, **moved})
    stack.call("PATCH", f"{event}/occurrences/{FOURTH}", moved)

    assert previewed["ask_again"] == 2
    want = ["05 07:00 Choir", "08 08:00 Choir", "22 08:00 Choir", "30 09:00 Choir"]
    stack.eventually(lambda: days(stack.mails(everything)) == want, seconds=PATIENCE, sweeping=True)
    stack.eventually(lambda: days(stack.mails(some)) == ["30 09:00 Choir"], seconds=PATIENCE, sweeping=True)


def test_a_split_copies_everybody_with_the_roles_that_the_template_grants(stack: Running) -> None:
    event = a_series(stack)
    people = [f"singer{number}@example.net" for number in range(AT_ONCE_AND_SOME)]
    for email in people:
        register(stack, event, email)

    new = stack.call("POST", f"{event}/split", {"from": FOURTH, "title": "Chamber choir"})

    where = f"/events/{new['event_id']}"
    copied = stack.eventually(
        lambda: stack.call("GET", where)["registered"] == len(people), seconds=PATIENCE, sweeping=True
    )
    assert copied
    first, last = people[0], people[-1]
    want = ["05 07:00 Chamber choir", "08 08:00 Choir", "15 08:00 Choir", "22 08:00 Choir", "29 08:00 Chamber choir"]
    stack.eventually(
        lambda: days(stack.mails(first)) == days(stack.mails(last)) == want, seconds=PATIENCE, sweeping=True
    )
