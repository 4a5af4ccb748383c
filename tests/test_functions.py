"""The functions that no person calls, each with genuine payloads, over real tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import boto3
import pytest

from convoke.aws.runtime import aws
from convoke.decision.invitation import WaitMail, WaitMailed
from convoke.delivery import reports
from convoke.delivery.fan_out import plan
from convoke.delivery.ses_events import Report, report_of
from convoke.effects import Clock, Steps
from convoke.mail import new_notifications, notifications
from convoke.mail.new_notifications import wait_notification
from convoke.model import (
    DeliveryState,
    EventStatus,
    Method,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
)
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import register
from convoke.store import dynamo, keys
from convoke.webhooks.events import WebhookEventType
from tests.deployment import EVENTS, Deployment, a_deployment, forget_what_is_warm, sample
from tests.factories import AFTERNOON, EVENT_ID, NOW, REGISTRATION_ID, event, existing, registration, webhook
from tests.mailbox import read_mail
from tests.test_costs import Counting

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
PERSON = keys.registration(EVENT_ID, REGISTRATION_ID)
BUCKET = "convoke-inbound-mail"


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    with a_deployment(monkeypatch) as made:
        create_event(made.store, event())
        register(made.store, registration(), now=NOW)
        yield made


def invite(deployed: Deployment) -> None:
    assert deployed.ring(PERSON) == {"batchItemFailures": []}


def move(deployed: Deployment) -> None:
    changed = replace(event(), when=AFTERNOON, version=2)
    assert change_event(deployed.store, event(), changed, priority=1, now=NOW)


def person(deployed: Deployment) -> Registration:
    return existing(deployed.reads.registration(EVENT_ID, REGISTRATION_ID))


def test_the_record_of_a_registration_invites_who_registered(deployed: Deployment) -> None:
    assert deployed.call("notify", sample("notify-registration")) == {"batchItemFailures": []}

    assert [(to, method) for to, method, _ in deployed.office.said()] == [("bo@example.net", REQUEST)]


@pytest.mark.parametrize(("received", "rsvp"), [("true", "TRUE"), ("false", "FALSE"), (None, "FALSE")])
def test_only_where_replies_are_received_an_answer_is_asked_for(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, received: str | None, rsvp: str
) -> None:
    if received is None:
        monkeypatch.delenv("RECEIVE_REPLIES")
    else:
        monkeypatch.setenv("RECEIVE_REPLIES", received)
    forget_what_is_warm()
    invite(deployed)

    mail = read_mail(deployed.office.accepted[0]["Content"]["Raw"]["Data"])
    (calendar,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert f";RSVP={rsvp};" in calendar.get_content().replace("\r\n", "\n").replace("\n ", "")
    body = existing(mail.get_body(("plain",)))
    assert ("accept or decline in your calendar" in body.get_content()) is (received == "true")


def test_whoever_waits_is_mailed_so_and_that_it_is_cancelled_and_what_comes_back_is_known(
    deployed: Deployment,
) -> None:
    full = replace(event(), capacity=1, version=2)
    assert change_event(deployed.store, event(), full, priority=1, now=NOW)
    waits = registration(registration_id=f"2{REGISTRATION_ID[1:]}", email="cy@example.net")
    mail = wait_notification(full, waits, WaitMail.PLACE, NOW)
    made = register(deployed.store, waits, now=NOW, mail=mail)
    assert isinstance(made, Registration)
    assert made.status is RegistrationStatus.WAITLISTED
    deployed.ring(keys.registration(EVENT_ID, waits.registration_id))
    deployed.drain()
    cancelled = replace(full, status=EventStatus.CANCELLED, version=3)
    assert change_event(deployed.store, full, cancelled, priority=0, now=NOW)
    deployed.ring(keys.registration(EVENT_ID, waits.registration_id))
    deployed.drain()
    mails = [read_mail(request["Content"]["Raw"]["Data"]) for request in deployed.office.accepted]
    subjects = [str(one["Subject"]).partition(":")[0] for one in mails if "cy@example.net" in str(one["To"])]
    assert subjects == ["You are on the waitlist", "Cancelled"]
    report = json.loads(sample("feedback-bounce")["Records"][0]["body"])
    tags = {tag["Name"]: [tag["Value"]] for tag in deployed.office.accepted[-1]["EmailTags"]}
    body = json.dumps(report | {"mail": report["mail"] | {"destination": ["cy@example.net"], "tags": tags}})
    record = sample("feedback-bounce")["Records"][0] | {"body": body}
    assert deployed.call("feedback", {"Records": [record]}) == {"batchItemFailures": []}
    known = existing(deployed.reads.invitation(EVENT_ID, waits.registration_id))
    assert known.wait_mail == WaitMailed(
        mail=WaitMail.CANCELLED,
        links=0,
        certain=False,
        failure=DeliveryState.BOUNCED,
        mail_id=notifications.mail_id(tags["notification"][0], int(tags["fence"][0])),
    )
    assert [stop.address for stop in known.stopped] == ["cy@example.net"]


def test_the_record_of_an_event_queues_the_change_for_everybody(deployed: Deployment) -> None:
    invite(deployed)
    move(deployed)
    assert deployed.call("notify", sample("notify-event")) == {"batchItemFailures": []}
    deployed.drain()

    assert [method for _, method, _ in deployed.office.said()] == [REQUEST, REQUEST]


def test_records_that_come_twice_or_of_other_items_mail_nobody(deployed: Deployment) -> None:
    other = {"pk": keys.event(EVENT_ID)["pk"], "sk": "ADDRESS#0"}
    deployed.ring(PERSON, PERSON, other, keys.event(EVENT_ID))
    deployed.ring(PERSON)

    assert len(deployed.office.accepted) == 1


def test_a_fan_out_from_the_queue_is_planned_and_its_first_batch_told_at_once(deployed: Deployment) -> None:
    invite(deployed)
    move(deployed)
    for _ in range(2):
        assert deployed.call("deliver", sample("deliver-plan")) == {"batchItemFailures": []}

    assert len(deployed.office.accepted) == 2


def test_a_batch_from_the_queue_tells_the_event_s_people(deployed: Deployment) -> None:
    invite(deployed)
    move(deployed)
    aws().run(plan(EVENT_ID, aws().worker(-60_000)))  # whose time is over: the batch is anybody's
    assert deployed.call("deliver", sample("deliver-batch")) == {"batchItemFailures": []}

    assert len(deployed.office.accepted) == 2


def test_a_registration_from_the_queue_is_looked_at(deployed: Deployment) -> None:
    assert deployed.call("deliver", sample("deliver-registration")) == {"batchItemFailures": []}

    assert len(deployed.office.accepted) == 1


def test_a_note_from_the_queue_is_sent(deployed: Deployment) -> None:
    author = Person(name="Bo", email="bo@example.net")
    note = new_notifications.forward(event(), author=author, subject="", text="Hello", source="m1", now=NOW)
    note = replace(note, notification_id="abcdefghijklmnop0123456789")
    assert deployed.store.notifications.schedule(note, now=NOW)
    assert deployed.call("deliver", sample("deliver-notification")) == {"batchItemFailures": []}

    [sent] = deployed.office.accepted
    assert sent["Destination"]["ToAddresses"] == ["ada@example.org"]
    assert sent["FromEmailAddress"] == "events@convoke.example.com"
    assert {tag["Name"] for tag in sent["EmailTags"]} == {"event", "notification", "kind", "fence"}


def test_what_becomes_of_a_note_says_nothing_of_an_invitation() -> None:
    report = json.loads(sample("feedback-bounce")["Records"][0]["body"])
    report["mail"]["tags"] = {"event": [EVENT_ID], "notification": ["n"], "kind": ["no-seat"]}
    assert report_of(report) is None


def test_a_survey_from_the_queue_looks_at_everybody(deployed: Deployment) -> None:
    invite(deployed)
    move(deployed)
    deployed.drain()
    deployed.call("feedback", sample("feedback-bounce"))
    deployed.client.update_item(
        TableName=deployed.settings.invitations_table,
        Key=dynamo.wire(PERSON),
        UpdateExpression="SET #state = :bounced",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues=dynamo.wire({":bounced": "bounced"}),
    )
    assert deployed.call("deliver", sample("deliver-survey")) == {"batchItemFailures": []}
    shown, count = deployed.store.surveys.list_attention(EVENT_ID, now=NOW)
    assert (count, shown[0].registration_id) == (1, REGISTRATION_ID)


@pytest.mark.parametrize(
    ("types", "told"),
    [
        (None, []),
        ((WebhookEventType.INVITATION_BOUNCED,), []),
        ((WebhookEventType.INVITATION_DELIVERED,), ["invitation.delivered"]),
    ],
    ids=["no webhook", "a webhook for something else", "a webhook for deliveries"],
)
def test_a_delivered_mail_is_written_to_the_outbox_only_if_a_webhook_wants_it(
    deployed: Deployment, types: tuple[WebhookEventType, ...] | None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if types is not None:
        deployed.store.webhooks.create(webhook(*types))
    invite(deployed)
    counting = Counting(deployed.client)
    monkeypatch.setattr(dynamo, "client", lambda: counting)
    forget_what_is_warm()
    for _ in range(2):
        deployed.call("feedback", sample("feedback-delivery"))
    # What is written in a transaction costs twice the write units: it is one only with an event.
    assert counting.calls["transact_write_items"] == len(told)
    assert counting.calls["update_item"] == 1 - len(told), "and a repeated report writes nothing"
    rows = [dynamo.unwire(row) for row in deployed.client.scan(TableName=deployed.settings.webhooks_table)["Items"]]
    assert [row["type"] for row in rows if row["sk"].startswith("WEBHOOK_EVENT#")] == told


def test_a_bounce_is_a_fact_for_who_listens_and_once(deployed: Deployment) -> None:
    hook = webhook(WebhookEventType.INVITATION_BOUNCED, WebhookEventType.INVITATION_COMPLAINED)
    deployed.store.webhooks.create(hook)
    invite(deployed)
    for _ in range(2):
        deployed.call("feedback", sample("feedback-bounce"))
    deployed.call("feedback", sample("feedback-complaint"))
    rows = [dynamo.unwire(row) for row in deployed.client.scan(TableName=deployed.settings.webhooks_table)["Items"]]
    webhook_events = {row["type"]: row["data"] for row in rows if row["sk"].startswith("WEBHOOK_EVENT#")}
    assert len([row for row in rows if row["sk"].startswith("WEBHOOK_EVENT#")]) == 2
    assert webhook_events["invitation.bounced"] == {
        "event_id": EVENT_ID,
        "registration_id": REGISTRATION_ID,
        "method": "REQUEST",
        "sequence": 0,
        "state": "bounced",
    }
    assert webhook_events["invitation.complained"]["state"] == "complained"


def test_a_hint_that_nobody_understands_is_left_to_the_dead_letters(deployed: Deployment) -> None:
    hint = sample("deliver-batch")["Records"][0]
    batch = {"Records": [hint | {"body": "{}", "messageId": "bad"}, sample("deliver-registration")["Records"][0]]}

    assert deployed.call("deliver", batch) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(deployed.office.accepted) == 1


def test_the_sweeper_hands_out_what_no_record_ever_told_of(deployed: Deployment) -> None:
    assert deployed.call("sweep", sample("sweep")) == {"registration": 1}
    deployed.drain()

    assert len(deployed.office.accepted) == 1


@pytest.mark.parametrize("part", ["mail_limits", "hold_accounts"])
def test_a_part_of_the_sweep_that_fails_keeps_nothing_else_from_being_done(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    def fails(*_: object) -> Steps[None]:
        yield Clock()
        raise OSError(part)

    function = import_module("sweep")
    monkeypatch.setattr(function, part, fails)
    capsys.readouterr()
    with pytest.raises(OSError, match=part):
        deployed.call("sweep", sample("sweep"))
    assert '"Swept":[1.0]' in capsys.readouterr().out
    deployed.drain()

    assert len(deployed.office.accepted) == 1


def test_the_audit_finds_nothing_where_everybody_was_told(deployed: Deployment) -> None:
    invite(deployed)

    assert deployed.call("audit", sample("audit")) == {"looked_at": 1, "differences": {}, "put_right": True}


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("feedback-delivery", DeliveryState.DELIVERED),
        ("feedback-bounce", DeliveryState.BOUNCED),
        ("feedback-suppressed", DeliveryState.SUPPRESSED),
        ("feedback-complaint", DeliveryState.COMPLAINED),
        ("feedback-reject", DeliveryState.FAILED),
        ("feedback-send", DeliveryState.ACCEPTED),
    ],
)
def test_what_ses_reports_is_shown(deployed: Deployment, name: str, state: DeliveryState) -> None:
    invite(deployed)
    deployed.call("feedback", sample(name))

    assert existing(deployed.reads.invitation(EVENT_ID, REGISTRATION_ID)).state is state


def test_something_that_is_no_ses_event_is_dropped(deployed: Deployment) -> None:
    payload = sample("feedback-send")
    payload["Records"][0]["body"] = "Successfully validated SNS topic for Amazon SES event publishing."

    assert deployed.call("feedback", payload) == {"batchItemFailures": []}


def test_of_many_reports_only_those_that_failed_come_again(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(deployed)
    (record,) = sample("feedback-bounce")["Records"]
    known = json.loads(record["body"])
    other = json.dumps(known | {"mail": known["mail"] | {"tags": known["mail"]["tags"] | {"registration": ["other"]}}})
    records = [{**record, "messageId": name, "body": body} for name, body in (("m1", other), ("m2", record["body"]))]
    apply = reports.apply_report

    def failing(report: Report) -> Steps[bool]:
        if report.registration_id == "other":
            raise reports.WriteContention("others wrote first")
        return apply(report)

    monkeypatch.setattr(import_module("feedback"), "apply_report", failing)
    assert deployed.call("feedback", {"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert existing(deployed.reads.invitation(EVENT_ID, REGISTRATION_ID)).state is DeliveryState.BOUNCED


# --- replies ------------------------------------------------------------------------------------------------------


def receive(deployed: Deployment, raw: bytes | None = None, *, ses_id: str = "", **verdicts: str) -> None:
    """A mail comes in, with SES's verdicts on it, and under SES's id of it: each id is judged once."""
    payload = sample("replies-accepted")
    record = payload["Records"][0]["Sns"]
    notification = json.loads(record["Message"])
    notification["mail"]["messageId"] = ses_id or notification["mail"]["messageId"]
    for name, status in verdicts.items():
        notification["receipt"][f"{name}Verdict"] = {"status": status}
    record["Message"] = json.dumps(notification)
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=BUCKET)
    mail = (EVENTS / "replies-accepted.eml").read_bytes() if raw is None else raw
    s3.put_object(Bucket=BUCKET, Key=notification["receipt"]["action"]["objectKey"], Body=mail)
    deployed.call("replies", payload)


def answer(deployed: Deployment) -> Participation | None:
    reply = person(deployed).reply
    return reply.status if reply else None


def test_an_answer_from_the_attendee_counts(deployed: Deployment) -> None:
    invite(deployed)
    receive(deployed)

    assert answer(deployed) is Participation.ACCEPTED
    deployed.ring(PERSON)
    assert len(deployed.office.accepted) == 1, "an answer alone makes no message"


GENUINE = (EVENTS / "replies-accepted.eml").read_bytes()


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        pytest.param(GENUINE, {"dmarc": "FAIL"}, id="DMARC fails"),
        pytest.param(GENUINE, {"dmarc": "GRAY", "spf": "FAIL"}, id="no policy, and SPF fails"),
        pytest.param(GENUINE, {"dmarc": "PROCESSING_FAILED"}, id="nobody knows"),
        pytest.param(GENUINE, {"spam": "FAIL"}, id="spam"),
        pytest.param(GENUINE, {"virus": "FAIL"}, id="virus"),
        pytest.param(GENUINE.replace(b"From: Bo Ek <bo@", b"From: Bo Ek <eve@"), {}, id="From is a stranger"),
        pytest.param(GENUINE.replace(b"mailto:bo@", b"mailto:eve@"), {}, id="ATTENDEE is a stranger"),
        pytest.param(GENUINE.replace(b"METHOD:REPLY", b"METHOD:CANCEL"), {}, id="CANCEL"),
        pytest.param(GENUINE.replace(b"UID:0", b"UID:1"), {}, id="a UID that was never given"),
        pytest.param(
            GENUINE.replace(b"bo@example.net>", b"eve@example.org>"),
            {"dmarc": "FAIL"},
            id="stranger with a forged verdict header",
        ),
        pytest.param(b"X-SES-Spam-Verdict: PASS\r\n\r\nhello", {}, id="no calendar at all"),
        pytest.param(b"From: a@example.net\r\n" + b"x" * 300_000, {}, id="a bomb"),
    ],
)
def test_an_answer_that_may_be_forged_changes_nothing(
    deployed: Deployment, raw: bytes, verdicts: dict[str, Any]
) -> None:
    invite(deployed)
    receive(deployed, raw, **verdicts)

    assert answer(deployed) is None


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        '{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed"}',
        '{"notificationType":"Received","mail":{"messageId":"AMAZON_SES_SETUP_NOTIFICATION"}}',
    ],
    ids=["of a topic", "of an identity", "of a rule"],
)
def test_what_ses_says_when_it_is_set_up_is_no_mail_and_no_failure(deployed: Deployment, message: str) -> None:
    payload = sample("replies-accepted")
    payload["Records"][0]["Sns"]["Message"] = message

    assert deployed.call("replies", payload) is None


def test_a_notification_that_cannot_be_read_is_a_failure(deployed: Deployment) -> None:
    payload = sample("replies-accepted")
    payload["Records"][0]["Sns"]["Message"] = '{"notificationType":"Received"}'

    with pytest.raises(KeyError):
        deployed.call("replies", payload)


def test_without_a_dmarc_policy_spf_of_the_very_domain_will_do(deployed: Deployment) -> None:
    invite(deployed)
    receive(deployed, dmarc="GRAY", spf="PASS")

    assert answer(deployed) is Participation.ACCEPTED


def test_an_older_answer_does_not_undo_a_newer_one(deployed: Deployment) -> None:
    invite(deployed)
    receive(deployed)
    receive(
        deployed,
        GENUINE.replace(b"PARTSTAT=ACCEPTED", b"PARTSTAT=DECLINED").replace(b"T121500Z", b"T121400Z"),
        ses_id="another",
    )

    assert answer(deployed) is Participation.ACCEPTED
