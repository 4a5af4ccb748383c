"""What an account's webhooks may have in flight, and when a host that does not answer is left in peace."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.store.deliveries import RequestsInFlight
from convoke.webhooks.in_flight import (
    BROKEN_AFTER,
    LONGEST_RECOVERY,
    SHORTEST_RECOVERY,
    Host,
    InFlight,
    Request,
    admit,
    finish,
    next_turn,
)
from tests.factories import NOW, existing, expect
from tests.simulation.tables import Tables, Typed
from tests.tables import SETTINGS

NOBODY = InFlight(account="acme")
SOON = NOW + timedelta(seconds=35)
HOST = "hooks.example.org"


def request(number: int = 1, until: datetime = SOON) -> Request:
    return Request(attempt=f"a{number}", until=until)


def broken(failures: int) -> InFlight:
    """After as many requests in a row without a response, the last of them just now."""
    seen = NOBODY
    for _ in range(failures):
        seen = finish(seen, HOST, "a", answered=False, now=NOW)
    return seen


def test_only_so_many_requests_are_in_flight() -> None:
    one = expect(InFlight, admit(NOBODY, HOST, request(), NOW, 0.5))
    assert next_turn(NOBODY, NOW, most=1, chance=0.5, age=timedelta()) is None
    assert next_turn(one, NOW, most=2, chance=0.5, age=timedelta()) is None
    assert existing(next_turn(one, NOW, most=1, chance=0.5, age=timedelta())) > NOW
    assert next_turn(finish(one, HOST, "a1", answered=True, now=NOW), NOW, most=1, chance=0.5, age=timedelta()) is None


def test_a_request_whose_worker_died_ends_by_itself() -> None:
    one = expect(InFlight, admit(NOBODY, HOST, request(), NOW, 0.5))
    assert next_turn(one, SOON - timedelta(seconds=1), most=1, chance=0.5, age=timedelta()) is not None
    assert next_turn(one, SOON, most=1, chance=0.5, age=timedelta()) is None


@pytest.mark.parametrize(
    ("age", "least", "most"), [(timedelta(), 1, 3), (timedelta(seconds=20), 5, 15), (timedelta(hours=1), 30, 90)]
)
def test_who_waited_long_waits_longer_for_the_next_turn(age: timedelta, least: int, most: int) -> None:
    full = InFlight(account="acme", requests=(request(),))
    waits = [next_turn(full, NOW, most=1, chance=chance, age=age) for chance in (0.0, 0.999)]
    assert all(wait is not None for wait in waits)
    assert [round((wait - NOW).total_seconds()) for wait in waits if wait is not None] == [least, most]


def test_a_host_that_does_not_answer_gets_time_to_recover_and_then_one_request() -> None:
    assert isinstance(admit(broken(BROKEN_AFTER - 1), HOST, request(), NOW, 0.0), InFlight)
    seen = broken(BROKEN_AFTER)
    assert admit(seen, HOST, request(), NOW, 0.0) == NOW + SHORTEST_RECOVERY
    assert isinstance(admit(seen, "other.example.org", request(), NOW, 0.0), InFlight), "others are not held up"

    recovered = NOW + SHORTEST_RECOVERY
    probe = expect(InFlight, admit(seen, HOST, request(until=recovered + timedelta(seconds=35)), recovered, 0.0))
    assert admit(probe, HOST, request(2), recovered, 0.0) == recovered + timedelta(seconds=35)
    mended = finish(probe, HOST, "a1", answered=True, now=recovered)
    assert mended.hosts == ()
    assert isinstance(admit(mended, HOST, request(2), recovered, 0.0), InFlight)


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(BROKEN_AFTER, SHORTEST_RECOVERY), (BROKEN_AFTER + 1, 2 * SHORTEST_RECOVERY), (100, LONGEST_RECOVERY)],
)
def test_each_failure_doubles_the_time_up_to_a_quarter_of_an_hour(failures: int, wait: timedelta) -> None:
    assert admit(broken(failures), HOST, request(), NOW, 0.0) == NOW + wait


def test_a_request_that_was_not_made_says_nothing_of_its_host() -> None:
    seen = broken(5)
    assert finish(seen, HOST, "a1", answered=None, now=NOW) == seen


def test_a_host_that_nobody_posts_to_is_forgotten() -> None:
    seen = finish(broken(5), "other.example.org", "a", answered=True, now=NOW + timedelta(days=2))
    assert seen.hosts == ()


def test_hosts_are_not_remembered_without_end() -> None:
    seen = NOBODY
    for number in range(100):
        seen = finish(seen, f"host{number}.example.org", "a", answered=False, now=NOW)
    assert [host.name for host in seen.hosts] == [f"host{number}.example.org" for number in range(80, 100)]


moments = st.datetimes(min_value=datetime(2027, 1, 1), max_value=datetime(2028, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=NOW.tzinfo)
)


@given(
    st.builds(
        InFlight,
        account=st.text(min_size=1),
        fence=st.integers(0, 10**6),
        requests=st.lists(st.builds(Request, attempt=st.text(), until=moments), max_size=3).map(tuple),
        hosts=st.lists(
            st.builds(Host, name=st.text(), failures=st.integers(0, 99), closed_until=moments), max_size=3
        ).map(tuple),
    )
)
def test_what_is_stored_is_read_back(in_flight: InFlight) -> None:
    stored = RequestsInFlight(Typed(Tables((), lambda *_: None)), SETTINGS)
    assert stored.read(in_flight.account) == InFlight(account=in_flight.account)
    assert stored.record(in_flight)
    assert stored.read(in_flight.account) == replace(in_flight, fence=in_flight.fence + 1)
    assert not stored.record(in_flight), "another worker, who read the same, would write the same"
    other = replace(in_flight, requests=(*in_flight.requests, Request(attempt="another", until=NOW)))
    assert not stored.record(other), "somebody wrote to it meanwhile"
