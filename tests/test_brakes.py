"""The brakes of what anybody may ask for: nobody can have a stranger mailed more often than they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.decision import brakes
from convoke.decision.brakes import Purpose
from convoke.decision.limits import Limit
from convoke.model import mailbox
from convoke.store import keys
from convoke.store.brakes import Brakes
from tests.factories import EVENT_ID, NOW
from tests.fixtures import fixture_of
from tests.tables import SETTINGS, everything, in_memory

NEXT_HOUR, NEXT_DAY = NOW + timedelta(hours=1), NOW + timedelta(hours=12)
"""``NOW`` is noon."""
BO = "bo@example.net"


client = fixture_of(in_memory)


@pytest.fixture
def counted(client: Any) -> Brakes:
    return Brakes(client, SETTINGS)


NUMBERS = count(1000)


def may_mail(counted: Brakes, purpose: Purpose, at: datetime) -> bool:
    """Count one more mail to Bo."""
    return counted.may_mail(purpose, BO, f"{next(NUMBERS):026d}", at)


def in_any(window: timedelta, times: list[datetime]) -> int:
    """The most of ``times`` that lie in one window of this length, wherever it begins."""
    return max((sum(first <= one < first + window for one in times) for first in times), default=0)


# --- mailboxes ----------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(list(brakes.MAILBOX)),
    st.lists(st.integers(min_value=-30 * 60, max_value=2 * 24 * 60), min_size=1, max_size=30),
)
@settings(deadline=None, max_examples=25)
def test_in_no_hour_and_in_no_day_is_a_mailbox_mailed_more_often_whatever_the_order_and_the_clock(
    purpose: Purpose, minutes: list[int]
) -> None:
    """The clocks of functions differ: what is asked for later may have an earlier time."""
    with in_memory() as client:
        counted = Brakes(client, SETTINGS)
        asked = [NOW + timedelta(minutes=minute) for minute in minutes]
        mailed = [at for at in asked if may_mail(counted, purpose, at)]
    limit = brakes.MAILBOX[purpose]
    assert in_any(brakes.HOUR, mailed) <= limit.hour
    assert in_any(brakes.DAY, mailed) <= limit.day
    assert mailed[:1] == asked[:1], "the first is always allowed"


@pytest.mark.parametrize("purpose", brakes.MAILBOX)
def test_whoever_keeps_asking_for_two_days_has_a_mailbox_mailed_as_often_as_the_limits_say(
    counted: Brakes, purpose: Purpose
) -> None:
    limit = brakes.MAILBOX[purpose]
    minutes = [NOW + timedelta(minutes=number) for number in range(0, 2 * 24 * 60, 12)]
    mailed = [at for at in minutes if may_mail(counted, purpose, at)]
    assert in_any(brakes.HOUR, mailed) == limit.hour
    assert in_any(brakes.DAY, mailed) == limit.day
    assert len(mailed) == 2 * limit.day


def test_a_stranger_can_have_one_address_sent_three_mails_in_an_hour_and_eight_in_a_day(counted: Brakes) -> None:
    """All that the pages for attendees send to an address that did not ask for it: this is the figure in the docs."""
    asked = (Purpose.CONFIRM, Purpose.LINK)
    mailed = [
        at
        for at in (NOW + timedelta(minutes=number) for number in range(0, 2 * 24 * 60, 20))
        for purpose in asked
        if may_mail(counted, purpose, at)
    ]
    assert in_any(brakes.HOUR, mailed) == 3
    assert in_any(brakes.DAY, mailed) == 8


@pytest.mark.parametrize("purpose", brakes.MAILBOX)
def test_a_mail_is_counted_once_however_often_it_is_tried(counted: Brakes, purpose: Purpose) -> None:
    limit = brakes.MAILBOX[purpose]
    for mail in range(limit.hour):
        for minute in range(3):
            assert counted.may_mail(purpose, BO, f"{mail:026d}", NOW + timedelta(minutes=minute))
    assert not may_mail(counted, purpose, NOW + timedelta(minutes=3))
    assert counted.may_mail(purpose, BO, f"{0:026d}", NOW + timedelta(minutes=4))


def test_each_purpose_has_its_own_budget(counted: Brakes) -> None:
    while may_mail(counted, Purpose.CONFIRM, NOW):
        pass
    assert may_mail(counted, Purpose.LINK, NOW)
    assert may_mail(counted, Purpose.SIGN_IN, NOW)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("bo@example.net", "Bo@EXAMPLE.net", True),
        ("bo@example.net", "bo+a@example.net", True),
        ("bo+a+b@example.net", "bo+c@example.net", True),
        ("b.o@gmail.com", "bo+x@googlemail.com", True),
        ("b.o@example.net", "bo@example.net", False),
        ("bo@kölner.example", "bo@xn--klner-jua.example", True),
        ("bo@example.net", "bo@example.com", False),
        # What is nothing but a tag stays what it is.
        ("+a@example.net", "+b@example.net", False),
    ],
)
def test_addresses_that_lead_to_one_mailbox_share_its_budget(one: str, other: str, same: bool) -> None:
    assert (mailbox(one) == mailbox(other)) is same


@pytest.mark.parametrize("other", [BO, "Bo+more@example.net"])
def test_a_mailbox_keeps_the_seats_of_one_registration_at_a_time(counted: Brakes, other: str) -> None:
    def may_hold(who: str, email: str, at: datetime) -> bool:
        return counted.may_hold(EVENT_ID, who, email, at + timedelta(days=1), at)

    until = NEXT_HOUR + timedelta(days=1)
    assert may_hold("first", BO, NOW)
    assert may_hold("first", other, NEXT_HOUR)
    assert not may_hold("second", other, until - timedelta(seconds=1))
    assert counted.holds(EVENT_ID, BO, until - timedelta(seconds=1)) == "first"
    assert may_hold("another mailbox", "cy@example.net", NOW)
    assert may_hold("second", other, until)
    assert not may_hold("first", BO, until)


def test_what_is_counted_names_nobody_and_is_removed_within_two_days(client: Any, counted: Brakes) -> None:
    may_mail(counted, Purpose.CONFIRM, NOW)
    counted.count(
        Purpose.CONFIRM,
        source_ip="192.0.2.7",
        event_id=EVENT_ID,
        account="acme",
        most_in_account=Limit(hour=9, day=9),
        now=NOW,
    )
    kept = everything(client)[SETTINGS.invitations_table]
    assert len(kept) == 5, "mailbox, address, network, event, account"
    for item in kept:
        assert NOW.timestamp() < item["expires_at"] <= (NOW + timedelta(days=2)).timestamp()
        assert not any(known in str(item) for known in (BO, "bo", "192.0.2", EVENT_ID, "acme"))


# --- networks, events, accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source_ip", "networks"),
    [
        ("192.0.2.7", ["192.0.2.7/32", "192.0.2.0/24"]),
        ("::ffff:192.0.2.7", ["192.0.2.7/32", "192.0.2.0/24"]),
        ("2001:db8:1:2:3:4:5:6", ["2001:db8:1:2::/64", "2001:db8:1::/48"]),
        ("fe80::1%eth0", ["fe80::/64", "fe80::/48"]),
        ("", ["unknown"]),
        ("192.0.2.7, 198.51.100.1", ["unknown"]),
        ("x" * 10_000, ["unknown"]),
    ],
)
def test_a_request_counts_for_its_address_and_its_network(source_ip: str, networks: list[str]) -> None:
    assert [name for name, _ in brakes.networks(source_ip)] == networks


def ask(counted: Brakes, source_ip: str, now: datetime = NOW, *, most: int = 10**6, **more: Any) -> datetime | None:
    return counted.count(
        more.get("purpose", Purpose.CONFIRM),
        source_ip=source_ip,
        event_id=more.get("event_id", EVENT_ID),
        account=more.get("account", "acme"),
        most_in_account=Limit(hour=most, day=most),
        now=now,
    )


def test_one_address_and_one_network_may_ask_so_often_in_an_hour(
    counted: Brakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brakes, "ADDRESS", Limit(hour=4, day=9))
    monkeypatch.setattr(brakes, "NETWORK", Limit(hour=7, day=9))
    assert all(ask(counted, "192.0.2.7") is None for _ in range(brakes.ADDRESS.hour))
    assert ask(counted, "192.0.2.7") == NEXT_HOUR
    assert ask(counted, "192.0.2.8") is None, "another address of the network"
    assert ask(counted, "192.0.2.7", purpose=Purpose.LINK) is None, "for another purpose"
    assert ask(counted, "192.0.2.7", NEXT_HOUR) is None
    others = (f"198.51.100.{number}" for number in range(1, 20))
    assert [ask(counted, other) for other in others].index(NEXT_HOUR) == brakes.NETWORK.hour


def test_an_account_may_cause_so_many_mails_to_unconfirmed_addresses_in_a_day(counted: Brakes) -> None:
    asked = [ask(counted, f"10.{number}.0.1", most=3, event_id=f"event{number}") for number in range(4)]
    assert asked == [None, None, None, NEXT_DAY]
    assert ask(counted, "10.9.0.1", most=3, account="blue") is None
    assert ask(counted, "10.9.0.1", NEXT_DAY, most=3) is None
    assert ask(counted, "10.9.0.1", most=0, account="shut") == NEXT_DAY


def test_an_event_may_be_asked_for_so_often_in_an_hour(counted: Brakes, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 5
    monkeypatch.setitem(brakes.EVENT, Purpose.LINK, Limit(hour=limit, day=9))
    asked = [ask(counted, f"10.{number}.0.1", purpose=Purpose.LINK) for number in range(limit + 1)]
    assert asked == [None] * limit + [NEXT_HOUR]
    assert ask(counted, "10.0.9.1", purpose=Purpose.LINK, event_id="another") is None


def test_a_hall_full_of_people_behind_one_address_can_register() -> None:
    assert brakes.ADDRESS.hour >= 60
    assert brakes.NETWORK.hour > brakes.ADDRESS.hour


def test_the_keys_of_different_counts_differ() -> None:
    named = [
        keys.brake(purpose, whose, when)["pk"]
        for purpose in Purpose
        for whose in ("network a", "event a", "account a", "a")
        for when in ("2027-01-15", "2027-01-16", keys.MAILBOX)
    ]
    assert len(set(named)) == len(named)
