"""What a mail that came in leads to: done once, whatever SNS does, and never lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import boto3
import pytest

from convoke.decision.attention import Attention, AttentionKind, AttentionReason
from convoke.decision.invitation import Stopped
from convoke.inbound import Verdict
from convoke.inbound.proposals import ProposalStatus
from convoke.inbound.quarantine import QuarantinedMail, QuarantineStatus
from convoke.inbound.reasons import Reason
from convoke.model import DeliveryState, Method, Participation, RegistrationStatus
from convoke.registrations import inbound_mail, registry
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import register, withdraw
from convoke.store import codec, dynamo, keys
from convoke.store.invitations import invitation_item
from convoke.store.received import ReceivedMails
from tests.deployment import Deployment, a_deployment, sample
from tests.factories import AFTERNOON, EVENT_ID, NOW, REGISTRATION_ID, event, existing, message, proposal, registration
from tests.tables import everything, readable, unchanged

BUCKET = "convoke-inbound-mail"
PERSON = keys.registration(EVENT_ID, REGISTRATION_ID)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Bo has been invited."""
    with a_deployment(monkeypatch) as made:
        create_event(made.store, event())
        register(made.store, registration(), now=NOW)
        made.ring(PERSON)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield made


def a_mail(
    *more: str, method: str = "REPLY", partstat: str = "ACCEPTED", stamp: str = "20270115T121500Z", sequence: int = 0
) -> bytes:
    lines = (
        *("From: Bo Ek <bo@example.net>", "Subject: About it", f"Content-Type: text/calendar; method={method}", ""),
        *("BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{message().uid}"),
        *(f"SEQUENCE:{sequence}", f"DTSTAMP:{stamp}", f"ATTENDEE;PARTSTAT={partstat}:mailto:bo@example.net", *more),
        *("END:VEVENT", "END:VCALENDAR", ""),
    )
    return "\r\n".join(lines).encode()


A_COUNTER = a_mail("DTSTART:20270312T140000Z", "DTEND:20270312T153000Z", "COMMENT:After lunch?", method="COUNTER")
A_TEXT = (
    f"From: Bo Ek <bo@example.net>\r\nSubject: Parking\r\nIn-Reply-To: <{message().uid}>\r\n\r\nWhere can I park?\r\n"
).encode()


def receive(
    deployed: Deployment, raw: bytes, ses_id: str = "mail-1", at: str = "2027-01-15T12:15:04.000Z", **verdicts: str
) -> None:
    """A mail comes in, with SES's verdicts on it."""
    payload = sample("replies-accepted")
    record = payload["Records"][0]["Sns"]
    notification = json.loads(record["Message"])
    notification["mail"]["messageId"] = notification["receipt"]["action"]["objectKey"] = ses_id
    notification["mail"]["timestamp"] = at
    for name, status in verdicts.items():
        notification["receipt"][f"{name}Verdict"] = {"status": status}
    record["Message"] = json.dumps(notification)
    boto3.client("s3", region_name="us-east-1").put_object(Bucket=BUCKET, Key=ses_id, Body=raw)
    deployed.call("replies", payload)


def noted(deployed: Deployment, ses_id: str = "mail-1") -> tuple[str, str | None]:
    item = existing(dynamo.get(deployed.client, deployed.settings.invitations_table, keys.received_mail(ses_id)))
    return item["verdict"], item.get("reason")


def waiting(deployed: Deployment) -> list[QuarantinedMail]:
    page = deployed.store.quarantine.list_waiting("acme", now=NOW, limit=100)
    return list(page.items)


def proposed(deployed: Deployment) -> list[Any]:
    return list(deployed.store.proposals.list_proposals(EVENT_ID, limit=100).items)


def notifications_due(deployed: Deployment) -> list[dict[str, Any]]:
    rows = everything(deployed.client)["Invitations"]
    return [row for row in rows if row["sk"].startswith(keys.NOTIFICATION_PREFIX)]


def person(deployed: Deployment) -> Any:
    return deployed.reads.registration(EVENT_ID, REGISTRATION_ID)


def resends(deployed: Deployment) -> int:
    return existing(deployed.reads.invitation(EVENT_ID, REGISTRATION_ID)).resend


# --- answers ------------------------------------------------------------------------------------------------------


def test_the_same_mail_delivered_twice_is_dealt_with_once(deployed: Deployment) -> None:
    receive(deployed, a_mail())
    with unchanged(deployed.client):
        receive(deployed, a_mail())
    assert noted(deployed) == ("apply", None)


def test_the_same_answer_in_another_mail_changes_nothing(deployed: Deployment) -> None:
    receive(deployed, a_mail())
    stands = person(deployed)
    receive(deployed, a_mail(), "mail-2")
    assert person(deployed) == stands
    assert noted(deployed, "mail-2") == ("late", "repeated")
    assert waiting(deployed) == []


def test_an_older_answer_is_history(deployed: Deployment) -> None:
    receive(deployed, a_mail())
    receive(deployed, a_mail(partstat="DECLINED", stamp="20270115T121400Z"), "mail-2")
    assert person(deployed).reply.status is Participation.ACCEPTED
    history = deployed.store.answers.list_answers(REGISTRATION_ID, limit=10).items
    assert [answer.reply.status for answer in history] == [Participation.DECLINED, Participation.ACCEPTED]
    assert waiting(deployed) == []


def test_a_function_that_dies_before_it_noted_the_mail_finds_its_answer_known(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(ReceivedMails, "count", die)
        with pytest.raises(RuntimeError):
            receive(deployed, a_mail("COMMENT:Late"))
    stands = person(deployed)
    assert stands.reply.status is Participation.ACCEPTED
    assert notifications_due(deployed) == []
    receive(deployed, a_mail("COMMENT:Late"))
    assert person(deployed) == stands
    assert noted(deployed) == ("late", "repeated")
    assert len(notifications_due(deployed)) == 1, "what was written with it is not lost"


def test_an_answer_alone_mails_nobody(deployed: Deployment) -> None:
    receive(deployed, a_mail())
    deployed.ring(PERSON)
    assert len(deployed.office.accepted) == 1
    assert notifications_due(deployed) == []


def test_what_was_written_with_an_answer_is_passed_on_once(deployed: Deployment) -> None:
    for ses_id in ("mail-1", "mail-1", "mail-2"):
        receive(deployed, a_mail("COMMENT:Late\\, sorry"), ses_id)
    (one,) = notifications_due(deployed)
    assert (one["kind"], one["notification"]["quoted"], one["notification"]["recipient"]["email"]) == (
        "remark",
        "Late, sorry",
        "ada@example.org",
    )


def test_that_somebody_handed_it_on_is_told_and_to_whom_is_kept_nowhere(deployed: Deployment) -> None:
    receive(deployed, a_mail(partstat='DELEGATED;DELEGATED-TO="mailto:canary@example.com"'))
    assert person(deployed).reply.status is Participation.DELEGATED
    assert [one["notification"]["answered"] for one in notifications_due(deployed)] == ["delegated"]
    assert "canary" not in readable(everything(deployed.client))


def test_of_two_answers_with_one_stamp_the_later_to_arrive_stands_whichever_is_worked_off_first(
    deployed: Deployment,
) -> None:
    times = ("2027-01-15T12:15:04.000Z", "2027-01-15T12:15:14.000Z", "2027-01-15T12:15:24.000Z")
    said = dict(zip(times, ("ACCEPTED", "DECLINED", "ACCEPTED"), strict=True))
    for number, order in enumerate(permutations(times)):
        stamp = f"2027011{number}T120000Z"
        for at in order:
            receive(deployed, a_mail(partstat=said[at], stamp=stamp), f"mail-{number}-{at}", at=at)
            assert person(deployed).reply.status is not Participation.NEEDS_ACTION
        assert person(deployed).reply.status is Participation.ACCEPTED
        assert keys.instant(person(deployed).reply.received_at).startswith(times[2][:19])
        receive(deployed, a_mail(partstat="DECLINED", stamp=stamp), f"mail-{number}", at="2027-01-15T12:15:34.000Z")
        assert person(deployed).reply.status is Participation.DECLINED
    history = deployed.store.answers.list_answers(REGISTRATION_ID, limit=4).items
    assert [answer.reply.status for answer in history] == ["accepted", "declined", "accepted", "declined"]


def test_an_answer_that_was_stored_without_its_arrival_is_read_and_comes_before_all_of_its_moment(
    deployed: Deployment,
) -> None:
    receive(deployed, a_mail())
    item = codec.item(person(deployed), PERSON)
    assert item["reply"].pop("received_at")
    deployed.client.put_item(TableName="Registrations", Item=dynamo.wire(item))
    assert person(deployed).reply.received_at is None
    receive(deployed, a_mail(partstat="DECLINED"), "mail-2")
    assert person(deployed).reply.status is Participation.DECLINED


def several(*partstats: str) -> bytes:
    """A mail that holds an answer for each date of the series, in turn."""
    lines = [
        *("From: Bo Ek <bo@example.net>", "Content-Type: text/calendar; method=REPLY", "", "BEGIN:VCALENDAR"),
        "METHOD:REPLY",
    ]
    for number, partstat in enumerate(partstats):
        lines += [
            *("BEGIN:VEVENT", f"UID:{message().uid}", "SEQUENCE:0", "DTSTAMP:20270115T121500Z"),
            f"RECURRENCE-ID;TZID=Europe/Berlin:202703{12 + 7 * number}T090000",
            *(f"ATTENDEE;PARTSTAT={partstat}:mailto:bo@example.net", f"COMMENT:number {number}", "END:VEVENT"),
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def a_series(deployed: Deployment) -> None:
    weekly = replace(event(), rule="FREQ=WEEKLY;COUNT=3", version=2)
    assert change_event(deployed.store, event(), weekly, priority=1, now=NOW)


def answered(deployed: Deployment) -> dict[int, str]:
    return {one.date.day: one.status.value for one in person(deployed).date_replies}


def test_several_answers_in_one_mail_each_count_and_one_that_cannot_loses_none(deployed: Deployment) -> None:
    a_series(deployed)
    receive(deployed, several("ACCEPTED", "DECLINED", "TENTATIVE").replace(b"20270326", b"20270327"))
    assert answered(deployed) == {12: "accepted", 19: "declined"}
    assert [(one.reason, one.answer and one.answer.comment) for one in waiting(deployed)] == [(Reason.DATE, "number 2")]
    before = everything(deployed.client)
    receive(deployed, several("DECLINED", "DECLINED", "DECLINED"))
    assert everything(deployed.client) == before, "the same mail, delivered twice"


def test_the_same_words_with_several_answers_are_passed_on_once(deployed: Deployment) -> None:
    a_series(deployed)
    raw = several("ACCEPTED", "ACCEPTED", "ACCEPTED")
    receive(deployed, raw.replace(b"number 1", b"number 0").replace(b"number 2", b"number 0"))
    assert len(answered(deployed)) == 3
    assert len(notifications_due(deployed)) == 1


@pytest.mark.parametrize("deaths", range(6))
def test_a_function_that_dies_between_two_answers_of_a_mail_takes_up_the_rest(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    a_series(deployed)
    raw, calls = several("ACCEPTED", "DECLINED", "TENTATIVE").replace(b"20270326", b"20270327"), iter(range(deaths))
    write = dynamo.transact

    def die(*arguments: Any) -> None:
        if next(calls, None) is None:
            raise RuntimeError
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(dynamo, "transact", die)
        with pytest.raises(RuntimeError):
            receive(deployed, raw)
    receive(deployed, raw)
    assert answered(deployed) == {12: "accepted", 19: "declined"}
    assert len(waiting(deployed)) == 1
    assert sorted(one["notification"]["quoted"] for one in notifications_due(deployed)) == ["number 0", "number 1"]
    history = deployed.store.answers.list_answers(REGISTRATION_ID, limit=10).items
    assert len(history) == 2


def test_whoever_withdrew_in_the_same_moment_is_not_answered_for(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = registry.read_snapshot(deployed.store, EVENT_ID, REGISTRATION_ID)
    withdraw(deployed.store, EVENT_ID, REGISTRATION_ID, now=NOW)
    monkeypatch.setattr(registry, "read_snapshot", lambda *_: seen)
    receive(deployed, a_mail())
    assert noted(deployed) == ("quarantine", "status")
    assert person(deployed).reply is None


# --- proposals ----------------------------------------------------------------------------------------------------


def test_a_counter_is_kept_as_a_proposal_and_changes_nothing(deployed: Deployment) -> None:
    stands = person(deployed)
    receive(deployed, A_COUNTER)
    (found,) = proposed(deployed)
    assert (found.when, found.comment, found.status) == (AFTERNOON, "After lunch?", ProposalStatus.OPEN)
    assert person(deployed) == stands


@pytest.mark.parametrize(("partstat", "shown"), [("DECLINED", "declined"), ("TENTATIVE", "tentative")])
def test_what_is_answered_together_with_a_proposal_counts_and_keeps_the_seat(
    deployed: Deployment, partstat: str, shown: str
) -> None:
    before = existing(deployed.reads.event(EVENT_ID))
    after = replace(before, release_on_decline=True, version=before.version + 1)
    assert change_event(deployed.store, before, after, priority=1, now=NOW)
    receive(deployed, a_mail(stamp="20270115T121400Z"))
    times = ("DTSTART:20270312T140000Z", "DTEND:20270312T153000Z", "COMMENT:After lunch?")
    for ses_id in ("mail-2", "mail-3"):
        receive(deployed, a_mail(*times, method="COUNTER", partstat=partstat), ses_id)
        assert (person(deployed).reply.status, person(deployed).status) == (shown, RegistrationStatus.REGISTERED)
    assert [one.when for one in proposed(deployed)] == [AFTERNOON]
    assert notifications_due(deployed) == [], "the comment is in the proposal"
    receive(deployed, a_mail(stamp="20270115T121600Z"), "mail-4")
    receive(deployed, a_mail(*times, method="COUNTER", partstat=partstat), "mail-5")
    assert person(deployed).reply.status is Participation.ACCEPTED


def test_what_was_written_with_a_proposal_that_is_none_is_passed_on_as_with_an_answer(deployed: Deployment) -> None:
    times = ("DTSTART:20270312T080000Z", "DTEND:20270312T093000Z", "COMMENT:With my son")
    for ses_id in ("mail-1", "mail-1", "mail-2"):
        receive(deployed, a_mail(*times, method="COUNTER"), ses_id)
    assert (noted(deployed), proposed(deployed)) == (("apply", None), [])
    assert person(deployed).reply.status is Participation.ACCEPTED
    assert [one["notification"]["quoted"] for one in notifications_due(deployed)] == ["With my son"]


def test_an_answer_to_a_date_and_all_that_follow_is_listed_for_the_organizer(deployed: Deployment) -> None:
    a_series(deployed)
    stands = person(deployed)
    receive(deployed, several("DECLINED").replace(b"RECURRENCE-ID", b"RECURRENCE-ID;RANGE=THISANDFUTURE"))
    assert person(deployed) == stands
    assert [(one.reason, one.event_id, one.registration_id) for one in waiting(deployed)] == [
        (Reason.RANGE, EVENT_ID, REGISTRATION_ID)
    ]


def test_the_same_proposal_in_another_mail_is_there_once_and_stays_decided(deployed: Deployment) -> None:
    receive(deployed, A_COUNTER)
    (found,) = proposed(deployed)
    decided = deployed.store.proposals.decision_action(found, ProposalStatus.DECLINED)
    dynamo.transact(deployed.client, [decided])
    receive(deployed, A_COUNTER, "mail-2")
    assert [one.status for one in proposed(deployed)] == [ProposalStatus.DECLINED]


def test_a_proposal_comes_back_as_it_was_stored(deployed: Deployment) -> None:
    for one in (proposal(), proposal(proposal_id="b", date=AFTERNOON.start), proposal(proposal_id="c", comment="")):
        dynamo.transact(deployed.client, [deployed.store.proposals.put_action(one)])
        assert deployed.store.proposals.find(EVENT_ID, one.proposal_id) == one


# --- the latest message again -------------------------------------------------------------------------------------


def a_refresh() -> bytes:
    return a_mail(method="REFRESH")


def test_a_refresh_sends_the_latest_message_again_to_that_person_alone(deployed: Deployment) -> None:
    receive(deployed, a_refresh())
    receive(deployed, a_refresh())
    deployed.call("sweep", sample("sweep"))
    deployed.drain()
    first, again = deployed.office.accepted
    assert again["Content"]["Raw"]["Data"] == first["Content"]["Raw"]["Data"]
    assert deployed.office.said()[1][:2] == ("bo@example.net", Method.REQUEST)


def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything three times a day at most."""
    for what in inbound_mail.DAILY_LIMITS:
        monkeypatch.setitem(inbound_mail.DAILY_LIMITS, what, 3)


def test_nobody_can_be_bombed_by_asking_again(deployed: Deployment) -> None:
    for number in range(5):
        receive(deployed, a_refresh(), f"mail-{number}")
    most = inbound_mail.DAILY_LIMITS[Verdict.REFRESH]
    assert resends(deployed) == most == 3
    assert {noted(deployed, f"mail-{number}") for number in range(most, 5)} == {("quarantine", "often")}


@pytest.mark.parametrize("raw", [A_COUNTER, A_TEXT], ids=["proposals", "texts"])
def test_nobody_can_fill_an_organizer_s_day(deployed: Deployment, monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    few(monkeypatch)
    for number in range(5):
        receive(deployed, raw.replace(b"T121500Z", f"T121{number}00Z".encode()), f"mail-{number}")
    assert len(proposed(deployed) + notifications_due(deployed)) == 3
    assert noted(deployed, "mail-4") == ("quarantine", "often")


@pytest.mark.parametrize("forged", [True, False], ids=["in their name", "by themselves"])
def test_nobody_s_quarantine_and_mailbox_can_be_flooded(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, forged: bool
) -> None:
    few(monkeypatch)
    for number in range(5):
        raw = a_mail("COMMENT:x", stamp=f"20270115T121{number}00Z")
        receive(deployed, raw, f"mail-{number}", dmarc="FAIL" if forged else "PASS")
    assert (len(waiting(deployed)), len(notifications_due(deployed))) == ((3, 0) if forged else (2, 3))
    if not forged:
        # It counts, and nothing that was written is lost.
        assert {one.reason for one in waiting(deployed)} == {Reason.OFTEN}
        assert [release(deployed, one) for one in waiting(deployed)] == [None, None]
        assert len(notifications_due(deployed)) == 5
    assert noted(deployed, "mail-4") == (("quarantine", "dmarc") if forged else ("apply", None))


def test_an_address_that_may_not_be_mailed_is_not_mailed_again(deployed: Deployment) -> None:
    invitation = existing(deployed.reads.invitation(EVENT_ID, REGISTRATION_ID))
    stop = Stopped(address="bo@example.net", state=DeliveryState.BOUNCED)
    item = invitation_item(replace(invitation, stopped=(stop,)))
    deployed.client.put_item(TableName="Invitations", Item=dynamo.wire(item))
    receive(deployed, a_refresh())
    assert noted(deployed) == ("quarantine", "stopped")
    assert resends(deployed) == 0


# --- what a human wrote -------------------------------------------------------------------------------------------


def test_what_a_human_wrote_is_passed_on_to_the_organizer_once(deployed: Deployment) -> None:
    receive(deployed, A_TEXT)
    receive(deployed, A_TEXT)
    (one,) = notifications_due(deployed)
    said = one["notification"]
    assert (said["recipient"]["email"], said["author"]["email"]) == ("ada@example.org", "bo@example.net")
    assert (said["subject"], said["quoted"]) == ("Parking", "Where can I park?")
    assert noted(deployed) == ("forward", None)


# --- quarantine ---------------------------------------------------------------------------------------------------


def test_what_is_not_believed_is_put_aside_once_with_its_reason(deployed: Deployment) -> None:
    receive(deployed, a_mail("COMMENT:Canary"), dmarc="FAIL")
    receive(deployed, a_mail("COMMENT:Canary"), dmarc="FAIL")
    (found,) = waiting(deployed)
    assert (found.reason, found.sender, found.event_id) == (Reason.DMARC, "bo@example.net", EVENT_ID)
    assert existing(found.answer).participation is Participation.ACCEPTED
    assert person(deployed).reply is None
    assert notifications_due(deployed) == []
    assert len(deployed.office.accepted) == 1, "it is never answered by mail"


A_HELLO = b"From: eve@example.org\r\nSubject: hello\r\n\r\nhello"


def a_key(deployed: Deployment, account: str) -> None:
    deployed.store.accounts.create_key(account=account, name="ci", now=NOW)


def test_a_mail_that_names_no_event_is_shown_to_the_account_that_has_the_stack_for_itself(deployed: Deployment) -> None:
    a_key(deployed, "acme")
    receive(deployed, A_HELLO)
    assert noted(deployed) == ("quarantine", "calendar")
    (found,) = waiting(deployed)
    assert (found.event_id, found.registration_id, found.reason) == (None, None, Reason.CALENDAR)
    assert release(deployed, found) is Reason.CALENDAR


@pytest.mark.parametrize("accounts", [("acme", "other"), ()])
def test_of_several_accounts_none_sees_a_mail_that_names_no_event_but_the_operator_does(
    deployed: Deployment, accounts: tuple[str, ...]
) -> None:
    for account in accounts:
        a_key(deployed, account)
    receive(deployed, A_HELLO)
    assert noted(deployed) == ("quarantine", "calendar")
    assert waiting(deployed) == []
    (found,) = deployed.store.quarantine.list_unassigned()
    assert (found.sender, found.subject, found.account) == ("eve@example.org", "hello", "")


def test_a_mail_about_an_event_at_which_nobody_is_known_is_shown_with_whoever_has_its_address(
    deployed: Deployment,
) -> None:
    unknown = message().uid.replace(REGISTRATION_ID, "0" * 36)
    for number, sender in enumerate(("bo@example.net", "eve@example.org")):
        raw = f"From: {sender}\r\nReferences: <{unknown}>\r\n\r\nhello\r\n".encode()
        receive(deployed, raw, f"mail-{number}")
    found = {one.sender: (one.event_id, one.registration_id) for one in waiting(deployed)}
    assert found == {"bo@example.net": (EVENT_ID, REGISTRATION_ID), "eve@example.org": (EVENT_ID, None)}


def test_what_is_too_much_to_be_shown_is_counted(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    for number in range(5):
        receive(deployed, a_mail(), f"mail-{number}", dmarc="FAIL")
    assert len(waiting(deployed)) == 3
    later = datetime.now(UTC) + timedelta(days=6)
    for event_id in (None, EVENT_ID):
        count = deployed.store.quarantine.not_shown_count("acme", now=later, event_id=event_id)
        assert count == 2
    assert deployed.store.quarantine.not_shown_count("acme", now=later, event_id="other") == 0
    gone = datetime.now(UTC) + timedelta(days=9)
    assert deployed.store.quarantine.not_shown_count("acme", now=gone) == 0


def test_forged_mails_and_strangers_take_no_room_from_a_person_s_own(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch)
    for number in range(5):
        receive(deployed, a_mail(), f"forged-{number}", dmarc="FAIL")
        receive(deployed, a_mail().replace(b"Bo Ek <bo@", b"Eve <eve@"), f"stranger-{number}")
    assert len(waiting(deployed)) == 6
    receive(deployed, a_mail("RECURRENCE-ID:20270401T090000Z"), "genuine")
    assert Reason.DATE in {one.reason for one in waiting(deployed)}


# --- answers that wait for the organizer's word -------------------------------------------------------------------


def at_work(raw: bytes) -> bytes:
    return raw.replace(b"From: Bo Ek <bo@example.net>", b"From: Bo Ek <bo@firm.example>")


FROM_WORK = at_work(a_mail())
OF_THE_SAME_TIME = a_mail("DTSTART:20270312T080000Z", "DURATION:PT1H30M", method="COUNTER")


def shown(deployed: Deployment) -> list[Attention]:
    found, count = deployed.store.surveys.list_attention(EVENT_ID, now=NOW)
    assert count == len(found)
    return list(found)


@pytest.mark.parametrize("raw", [FROM_WORK, at_work(OF_THE_SAME_TIME)], ids=["REPLY", "COUNTER of the same time"])
def test_an_answer_from_another_address_is_named_on_the_event_until_it_is_released(
    deployed: Deployment, raw: bytes
) -> None:
    receive(deployed, raw)
    (held,) = waiting(deployed)
    assert held.reason is Reason.STRANGER
    (one,) = shown(deployed)
    assert (one.kind, one.state) == (AttentionKind.ANSWER, AttentionReason.ANOTHER_ADDRESS)
    assert (one.registration_id, one.quarantine_id) == (REGISTRATION_ID, held.quarantine_id)
    assert deployed.store.surveys.list_attention(EVENT_ID, now=held.expires_at) == ((), 0)
    assert release(deployed, held) is None
    dynamo.transact(
        deployed.client, list(deployed.store.quarantine.decision_actions(held, QuarantineStatus.RELEASED).values())
    )
    assert person(deployed).reply.status is Participation.ACCEPTED
    assert shown(deployed) == []
    receive(deployed, raw)
    assert shown(deployed) == [], "the same mail once more"


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        pytest.param(FROM_WORK, {"dmarc": "FAIL"}, id="nobody knows from whom"),
        pytest.param(FROM_WORK.replace(b"REPLY", b"COUNTER"), {}, id="no answer"),
        pytest.param(at_work(A_COUNTER), {}, id="another time"),
        pytest.param(FROM_WORK.replace(b"REPLY", b"REFRESH"), {}, id="a question"),
        pytest.param(FROM_WORK.replace(b"T121500Z", b"T121500Z\r\nRECURRENCE-ID:20270101T000000Z"), {}, id="no date"),
        pytest.param(b"From: e@example.org\r\nReferences: <%s>\r\n\r\nhi" % message().uid.encode(), {}, id="words"),
    ],
)
def test_nothing_else_that_was_put_aside_is_named_on_the_event(
    deployed: Deployment, raw: bytes, verdicts: dict[str, Any]
) -> None:
    receive(deployed, raw, **verdicts)
    assert len(waiting(deployed)) == 1
    assert shown(deployed) == []


def test_what_was_put_aside_is_forgotten_with_the_mail(deployed: Deployment) -> None:
    receive(deployed, a_mail(), dmarc="FAIL")
    (found,) = waiting(deployed)
    late = found.received_at + timedelta(days=7)
    assert deployed.store.quarantine.list_waiting("acme", now=late, limit=9).items == ()
    assert deployed.store.quarantine.find("acme", found.quarantine_id, now=late) is None
    rows = [row for row in everything(deployed.client)["Invitations"] if row.get("reason")]
    assert {int(row["expires_at"]) for row in rows} == {int(late.timestamp())}
    assert len(rows) == 2


def test_a_mail_that_is_put_aside_comes_back_as_it_was_stored(deployed: Deployment) -> None:
    zoned = ("RECURRENCE-ID;TZID=Europe/Berlin:20270312T090000", "DTSTART;TZID=Asia/Tokyo:20270312T230000")
    mails: list[tuple[str, ...]] = [
        (*zoned, "DTEND:20270312T153000Z"),
        ("DTSTART:20270312T140000", "DTEND:20270312T153000", "RECURRENCE-ID;VALUE=DATE:20270312"),
        ("DTSTART;VALUE=DATE:20270312", "DTEND;VALUE=DATE:20270313"),
    ]
    for number, lines in enumerate(mails):
        receive(deployed, a_mail(*lines, method="COUNTER"), f"mail-{number}", dmarc="FAIL")
    assert len(waiting(deployed)) == len(mails)
    for held in waiting(deployed):
        assert existing(held.answer).proposed is not None
        key = keys.quarantined("acme", held.quarantine_id)
        dynamo.transact(deployed.client, [{"Delete": {"TableName": "Invitations", "Key": dynamo.wire(key)}}])
        dynamo.transact(deployed.client, [deployed.store.quarantine.put_action(held)])
        assert deployed.store.quarantine.find("acme", held.quarantine_id, now=NOW) == held


def test_the_very_mail_that_nobody_expected_flies_and_leaves_nothing(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with unchanged(deployed.client):
        monkeypatch.setattr("replies.judge", die)
        with pytest.raises(RuntimeError):
            receive(deployed, a_mail())


Act = Callable[[Deployment, QuarantinedMail], Reason | None]


def release(deployed: Deployment, held: QuarantinedMail) -> Reason | None:
    return inbound_mail.release(deployed.store, held, now=NOW)


def test_a_released_answer_counts_and_says_by_which_means(deployed: Deployment) -> None:
    receive(deployed, a_mail("COMMENT:See you"), dmarc="FAIL")
    (held,) = waiting(deployed)
    assert release(deployed, held) is None
    assert release(deployed, held) is None
    assert person(deployed).reply.status is Participation.ACCEPTED
    (answer,) = deployed.store.answers.list_answers(REGISTRATION_ID, limit=10).items
    assert answer.channel == "release"
    assert len(notifications_due(deployed)) == 1


@pytest.mark.parametrize(
    "raw",
    [
        a_mail().replace(b"mailto:bo@", b"mailto:eve@"),
        a_mail(sequence=7),
        a_mail(stamp="20290115T121500Z"),
        a_mail().replace(b"From: Bo Ek <bo@example.net>", b"From: <bo@example.net>\r\nSender: <eve@example.net>"),
        a_mail().replace(b"; method=REPLY", b"; method=COUNTER"),
    ],
)
def test_whatever_is_about_who_sent_it_the_organizer_can_overrule(deployed: Deployment, raw: bytes) -> None:
    receive(deployed, raw, dmarc="FAIL", spam="FAIL")
    (held,) = waiting(deployed)
    assert release(deployed, held) is None
    assert person(deployed).reply.status is Participation.ACCEPTED


def test_a_released_proposal_is_kept_and_a_released_refresh_sends(deployed: Deployment) -> None:
    receive(deployed, A_COUNTER, dmarc="FAIL")
    receive(deployed, a_refresh(), "mail-2", dmarc="FAIL")
    assert [release(deployed, held) for held in waiting(deployed)] == [None, None]
    assert len(proposed(deployed)) == 1
    assert resends(deployed) == 1


@pytest.mark.parametrize(
    ("reason", "raw", "verdicts"),
    [
        (Reason.VIRUS, a_mail(), {"virus": "FAIL"}),
        (Reason.DATE, a_mail("RECURRENCE-ID:20270101T000000Z"), {"dmarc": "FAIL"}),
        (Reason.DMARC, A_TEXT, {"dmarc": "FAIL"}),
    ],
)
def test_what_is_nobody_s_answer_cannot_be_released(
    deployed: Deployment, reason: Reason, raw: bytes, verdicts: dict[str, Any]
) -> None:
    receive(deployed, raw, **verdicts)
    (held,) = waiting(deployed)
    assert release(deployed, held) is reason
    assert person(deployed).reply is None
