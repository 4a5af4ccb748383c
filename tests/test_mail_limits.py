"""What is beyond a limit of mails is sent in the end, cancellations never wait, and no account starves another."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from convoke.aws import runtime, ses
from convoke.decision.invitation import Mailed, Quota
from convoke.decision.limits import UNCOUNTED, AccountMails, Limit, Limits, held
from convoke.delivery.reconcile import Outcome, reconcile
from convoke.delivery.sweep import hold_accounts
from convoke.effects import (
    Accepted,
    Claim,
    Defer,
    DrawTurns,
    Effect,
    HoldAccounts,
    Refusal,
    Refused,
    Steps,
    StoreRate,
    WakeUp,
)
from convoke.model import InvalidField, Method
from convoke.schedule import edits, series
from convoke.store import dynamo, keys, limits
from convoke.store.limits import MailLimits
from local import operate
from tests.caller import BO, PARTY, a_caller
from tests.caller import World as Caller
from tests.factories import AFTERNOON, EVENT_ID, MORNING, NOW
from tests.fixtures import fixture_of, patching_fixture_of
from tests.tables import SETTINGS, everything
from tests.world import World, a_world, announce

AT = datetime(2027, 1, 15, 22, 30, tzinfo=UTC)
NEXT_HOUR, NEXT_DAY = datetime(2027, 1, 15, 23, tzinfo=UTC), datetime(2027, 1, 16, tzinfo=UTC)
SMALL = Limit(hour=4, day=6)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are read anew each time, and not remembered for a minute."""
    monkeypatch.setattr(limits, "KNOWN_FOR", -1.0)


world = fixture_of(a_world)


caller = patching_fixture_of(a_caller)


# --- deciding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "in_hour", "in_day", "until"),
    [
        ("", 0, 0, None),
        ("2027-01-15T22", 3, 3, None),
        ("2027-01-15T22", 4, 4, NEXT_HOUR),
        ("2027-01-15T21", 4, 4, None),
        ("2027-01-15T21", 4, 6, NEXT_DAY),
        ("2027-01-15T22", 4, 6, NEXT_DAY),
        ("2027-01-14T22", 4, 6, None),
    ],
)
def test_what_is_beyond_a_limit_waits_for_the_next_hour_or_day(
    hour: str, in_hour: int, in_day: int, until: datetime | None
) -> None:
    assert SMALL.until(Mailed(hour=hour, in_hour=in_hour, in_day=in_day), AT) == until


def spent(account: str, count: int, **limit: int) -> AccountMails:
    limits = Limits(account=Limit(**({"hour": 10_000, "day": 10_000} | limit)))
    return AccountMails(
        account=account, mailed=Mailed(hour="2027-01-15T22", in_hour=count, in_day=count), limits=limits
    )


@pytest.mark.parametrize(
    ("mails", "sent", "accounts", "until", "near"),
    [
        # Of 800 mails that all may send, an account alone may send all.
        ([spent("acme", 799)], 799, 1, {}, ()),
        # One of four may send more than its 200, but not more than it leaves to the others.
        ([spent("acme", 300)], 300, 4, {}, ()),
        ([spent("acme", 400)], 400, 4, {"acme": NEXT_DAY}, ("acme",)),
        ([spent("acme", 400), spent("blue", 199)], 599, 4, {"acme": NEXT_DAY}, ("acme", "blue")),
        ([spent("acme", 400), spent("blue", 201)], 601, 4, {"acme": NEXT_DAY, "blue": NEXT_DAY}, ("acme", "blue")),
        # Its own limits count as well.
        ([spent("acme", 100, hour=100)], 100, 4, {"acme": NEXT_HOUR}, ("acme",)),
        ([spent("acme", 100, day=100, hour=100)], 100, 4, {"acme": NEXT_DAY}, ("acme",)),
        ([spent("acme", 80, day=100, hour=100)], 80, 4, {}, ("acme",)),
        ([spent("acme", 79, day=100, hour=100)], 79, 4, {}, ()),
    ],
)
def test_an_account_is_held_at_its_limit_and_at_its_share(
    mails: list[AccountMails], sent: int, accounts: int, until: dict[str, datetime], near: tuple[str, ...]
) -> None:
    found = held(mails, Quota(most=1000, sent=sent, rate=14), share=0.8, accounts=accounts, now=AT)
    assert (found.until, found.near) == (until, near)


@pytest.mark.parametrize("quota", [None, Quota(most=-1, sent=10**6, rate=14)])
def test_without_a_quota_nobody_has_a_share(quota: Quota | None) -> None:
    assert held([spent("acme", 9000)], quota, share=0.8, accounts=4, now=AT).until == {}


# --- changes ------------------------------------------------------------------------------------------------------


def limit(world: World | Caller, **limits: Limit) -> None:
    for what, one in limits.items():
        MailLimits(world.client, SETTINGS).change("acme", what, one)


def alternate(world: World, count: int) -> None:
    """The event moves to and fro, and everybody who is due is looked at."""
    for number in range(count):
        world.change(when=(AFTERNOON, MORNING)[number % 2])
        world.run(announce(world.event().event_id))
        world.drain()


@pytest.mark.parametrize("what", ["event", "recipient"])
def test_a_change_beyond_a_limit_is_told_in_the_next_hour_as_it_is_true_then(world: World, what: str) -> None:
    limit(world, **{what: SMALL})
    person = world.invite()
    alternate(world, 5)

    free = 0 if what == "event" else UNCOUNTED
    assert len(world.said()) == min(6, SMALL.hour + free)
    assert world.calendar_state[-1:] == (["message deferred"] if what == "event" else [])
    alternate(world, 4)
    told = len(world.said())
    assert told == SMALL.hour + free
    assert world.all_due() == [keys.registration("", person.registration_id)["sk"]], "and no fan-out"
    assert world.look(person) is Outcome.DEFERRED

    world.pass_time(hours=1)
    world.change(title="The last word")
    world.sweep()
    assert len(world.said()) == told + 1
    assert world.told[-1].title == "The last word"
    assert world.all_due() == []


@pytest.mark.parametrize("what", ["event", "recipient", "account"])
def test_a_cancellation_is_told_at_once_whatever_the_limits(world: World, what: str) -> None:
    limit(world, **{what: Limit(hour=2, day=2)})
    person = world.invite()
    alternate(world, 3)
    hold(world, "acme")
    world.change(title="Other words")
    assert world.look(person) is Outcome.DEFERRED

    world.withdraw(person)
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said()[-1][0] is Method.CANCEL


@pytest.mark.parametrize("what", ["event", "account"])
def test_a_date_is_cancelled_at_once_though_a_change_of_the_series_is_deferred(world: World, what: str) -> None:
    """The cancellation is part of the message about the series, of which only this one goes beyond a limit."""
    _, second, third, _ = series.starts(world.change(rule=series.rule("FREQ=WEEKLY;COUNT=4", MORNING)).schedule)
    limit(world, **({"event": SMALL} if what == "event" else {}))
    person = world.register()
    for number in range(SMALL.hour):
        assert world.look(person) is Outcome.ACKNOWLEDGED
        world.arrive()
        world.change(title=f"Words {number}")
    if what == "account":
        hold(world, "acme")
    assert world.look(person) is Outcome.DEFERRED
    for date in (second, third):
        world.become(edits.cancel_date(world.event(), date, ""))
        assert world.look(person) is Outcome.ACKNOWLEDGED
        states = world.told[-1].dates
        assert next(one for one in states if one.date == date).cancelled
        world.arrive()
    world.change(title="Other words")
    assert world.look(person) is Outcome.DEFERRED


def test_a_withdrawal_while_a_change_is_deferred_is_told_at_once(world: World) -> None:
    person = world.invite()
    hold(world, "acme")
    world.change(title="Other words")
    left = [person]
    world.before = lambda effect: world.withdraw(left.pop()) if isinstance(effect, Defer) and left else None
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.said()[-1][0] is Method.CANCEL


def hold(world: World, *held: str, until: timedelta = timedelta(hours=1)) -> None:
    world.perform(HoldAccounts(until=dict.fromkeys(held, world.now + until)))


def test_a_held_account_is_told_of_later_and_another_at_once(world: World) -> None:
    person = world.register()
    hold(world, "blue")
    assert world.look(person) is Outcome.ACKNOWLEDGED
    hold(world, "acme")
    other = world.register(2)
    assert world.look(other) is Outcome.DEFERRED
    assert world.sweep() == {}
    world.pass_time(hours=1)
    world.sweep()
    assert len(world.said()) == 2
    assert world.all_due() == []


def test_a_repetition_after_a_throttled_attempt_is_not_counted_again(world: World) -> None:
    limit(world, event=SMALL, recipient=SMALL)
    person = world.invite()
    world.change(when=AFTERNOON)
    world.answers += [Refused(refusal=Refusal.BUSY, why="throttled")] * 20
    for _ in range(20):
        assert world.look(person) is Outcome.REFUSED
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert world.invitation(person).mailed.in_day == 2


def test_a_message_whose_claim_is_lost_is_counted_once_and_its_turn_is_used(world: World) -> None:
    person = world.invite()
    alternate(world, UNCOUNTED - 1)
    world.perform(StoreRate(rate=10))
    world.change(title="Other words")
    seen: list[Effect] = []

    def woken_up(effect: Effect) -> None:
        seen.append(effect)
        if isinstance(effect, Claim) and len(of(Claim)) < 3:
            rid, due_key = person.registration_id, keys.due_key(1, world.now)
            world.store.invitations.wake_up(WakeUp(event_id=EVENT_ID, registration_id=rid, due_key=due_key))

    def of(kind: type[Effect]) -> list[Effect]:
        return [effect for effect in seen if isinstance(effect, kind)]

    world.before = woken_up
    assert world.look(person) is Outcome.ACKNOWLEDGED
    assert (len(of(Claim)), len(of(DrawTurns))) == (3, 1)
    [counted] = [row["total"] for row in everything(world.client)[SETTINGS.invitations_table] if "MAILED" in row["pk"]]
    assert counted == 1


# --- an account's mails -------------------------------------------------------------------------------------------


def test_a_run_counts_its_mails_in_one_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ses, "send", lambda *_: Accepted(ses_id="ses"))
    monkeypatch.setattr(runtime, "clock", lambda: world.now)
    people = [world.register(number) for number in range(3)]

    def everybody() -> Steps[None]:
        for person in people:
            yield from reconcile(person.event_id, person.registration_id, world.worker())

    aws = runtime.Aws(SETTINGS)
    for mails in (3, 3):
        aws.run(everybody())
        [counted] = MailLimits(world.client, SETTINGS).accounts(world.now)
        assert (counted.account, counted.mailed.in_hour, counted.mailed.in_day) == ("acme", mails, mails)


def test_the_sweep_holds_who_has_spent_too_much_and_lets_go_of_them_when_the_hour_is_over(world: World) -> None:
    stored = MailLimits(world.client, SETTINGS)
    for account in ("acme", "blue"):
        world.store.accounts.create_key(account=account, name="ci", now=NOW)
    stored.change("acme", "account", Limit(hour=10, day=100))
    stored.add(Counter(acme=7, blue=7), world.now)
    assert world.run(hold_accounts()).near == ()
    stored.add(Counter(acme=3), world.now)
    assert world.run(hold_accounts()).near == ("acme",)
    assert world.calendar_state == ["account near its limit"]
    assert set(world.reads.sending().held) == {"acme"}

    world.pass_time(hours=1)
    assert world.reads.sending().held_until("acme", world.now) is None
    world.run(hold_accounts())

    # SES takes 1,000 a day, of which 800 are for all: neither may take more than it leaves.
    stored.add(Counter(blue=500), world.now)
    world.quota = Quota(most=1000, sent=517, rate=14)
    world.run(hold_accounts())
    assert world.reads.sending().held.keys() == {"blue"}


# --- requests -----------------------------------------------------------------------------------------------------


def test_a_registration_beyond_the_limit_of_its_address_is_refused_until_then(caller: Caller) -> None:
    limit(caller, recipient=SMALL)
    for _ in range(2):
        caller.register(caller.hold(), "bo+tag@example.net")
    event = caller.hold()
    answer = caller.call("POST", f"{event}/registrations", BO)
    assert answer.status == 429
    assert answer.body["detail"] == "the limit of mails to this person is reached"
    assert answer.headers["retry-after"] == "3600"
    assert caller.call("GET", event).body["registered"] == 0
    caller.register(event, "cy@example.net")

    caller.now += timedelta(hours=1)
    caller.register(event)
    assert caller.call("POST", f"{caller.hold()}/registrations", BO).headers["retry-after"] == str(11 * 3600)
    # That somebody is registered already counts for nothing.
    assert caller.call("POST", f"{event}/registrations", BO).status == 200


def test_all_spellings_of_one_mailbox_count_together(caller: Caller) -> None:
    limit(caller, recipient=Limit(hour=2, day=2))
    event = caller.hold()
    caller.register(event, "bo.ek@gmail.com")
    for spelling in ("boek@gmail.com", "b.o.ek@googlemail.com", "boek+tag@gmail.com"):
        assert caller.call("POST", f"{event}/registrations", BO | {"email": spelling}).status == 429
    # Of these nobody knows whether they are one.
    caller.register(event, "bo.ek@example.net")
    caller.register(event, "boek@example.net")
    caller.register(event, "+tag@example.net")
    caller.register(event, "+other@example.net")


def test_one_account_does_not_use_up_what_another_may_send_to_an_address(caller: Caller) -> None:
    limit(caller, recipient=Limit(hour=2, day=2))
    caller.register(caller.hold())
    assert caller.call("POST", f"{caller.hold()}/registrations", BO).status == 429
    theirs = caller.call("POST", "/events", PARTY, account="blue").body["event_id"]
    assert caller.call("POST", f"/events/{theirs}/registrations", BO, account="blue").status == 201


def test_another_address_counts_as_a_registration(caller: Caller) -> None:
    limit(caller, recipient=Limit(hour=2, day=2))
    person = caller.register(caller.hold())
    other = caller.register(caller.hold(), "cy@example.net")
    assert caller.call("PATCH", other, {"email": BO["email"]}).status == 429
    assert caller.call("GET", other).body["email"] == "cy@example.net"
    assert caller.call("PATCH", person, {"name": "Bo", "email": BO["email"].upper()}).status == 200


def test_resends_are_counted_for_the_registration_and_for_the_address(caller: Caller) -> None:
    limit(caller, resend=Limit(hour=2, day=3), recipient=Limit(hour=5, day=10))
    person = caller.invite(caller.hold())
    assert [caller.call("POST", f"{person}/resend").status for _ in range(3)] == [202, 202, 429]
    limit(caller, resend=Limit(hour=5, day=5))
    refused = caller.call("POST", f"{person}/resend")
    assert refused.status == 202, "the fifth to the address in this hour"
    refused = caller.call("POST", f"{person}/resend")
    assert (refused.status, refused.body["detail"]) == (429, "the limit of mails to this person is reached")


def test_cancellations_of_single_dates_are_counted_and_none_that_was_taken_waits(caller: Caller) -> None:
    limit(caller, dates=Limit(hour=2, day=2))
    event = caller.hold(recurrence="FREQ=DAILY;COUNT=5")
    dates = [one["occurrence"] for one in caller.call("GET", f"{event}/occurrences").body["items"]]
    answers = [caller.call("POST", f"{event}/occurrences/{date}/cancel").status for date in (*dates[:2], *dates[:3])]
    assert answers == [200, 200, 200, 200, 429], "what is cancelled already is not counted again"
    assert caller.call("POST", f"{event}/cancel").status == 200


def test_a_held_account_registers_nobody_but_may_withdraw_and_cancel(caller: Caller) -> None:
    event = caller.hold()
    person = caller.register(event)
    until = keys.instant(caller.now + timedelta(minutes=30))
    item = dynamo.wire(keys.sending() | {"held": {"acme": until}})
    caller.client.put_item(TableName=SETTINGS.invitations_table, Item=item)
    answer = caller.call("POST", f"{event}/registrations", BO | {"email": "cy@example.net"})
    assert (answer.status, answer.headers["retry-after"]) == (429, "1800")
    assert caller.call("PATCH", event, {"title": "Later"}).status == 200
    assert caller.call("DELETE", person).status == 200
    assert caller.call("POST", f"{event}/cancel").status == 200


# --- the operator -------------------------------------------------------------------------------------------------


def test_an_operator_sees_the_limits_of_an_account_and_changes_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(**variables: str) -> str:
        return operate.limits(SETTINGS, variables, lambda _: "")

    said(ACCOUNT="acme", LIMIT="recipient", HOUR="200", DAY="500")
    assert "recipient      200 an hour      500 a day" in capsys.readouterr().out
    assert MailLimits(world.client, SETTINGS).of("acme").recipient == Limit(hour=200, day=500)
    assert MailLimits(world.client, SETTINGS).of("blue") == Limits()
    for wrong in ({"LIMIT": "mails"}, {"HOUR": "1"}, {"HOUR": "600"}, {"HOUR": "many"}, {"HOUR": "-1"}):
        variables = {"ACCOUNT": "acme", "LIMIT": "recipient", "HOUR": "200", "DAY": "500"} | wrong
        assert said(**variables).startswith("Nothing was changed: ")
    assert said().startswith("Usage")
    with pytest.raises(InvalidField):
        MailLimits(world.client, SETTINGS).change("acme", "recipient", Limit(hour=10, day=5))
