"""Whoever is erased is nowhere any more: a canary registers, uses everything, is erased, and is looked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from convoke.aws import runtime
from convoke.model import Method
from convoke.store import dynamo, keys
from convoke.web import context
from tests import test_inbound_mail as inbound_mail
from tests.caller import World
from tests.deployment import Deployment, a_deployment, sample
from tests.factories import NOW
from tests.tables import everything, readable
from tests.test_api_occurrences import THIRD

CANARY = {"name": "Kanari Zyx", "email": "kanari.zyx@example.net"}
WORDS = ("kanari", "zyx", "zwitschert")
"""What only the canary has: in the name, in the address, and in what they write."""
HOOK = {"url": "https://hooks.example.org/convoke", "events": ["registration.created", "registration.cancelled"]}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    with a_deployment(monkeypatch) as made:
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=inbound_mail.BUCKET)
        made.client.put_item(
            TableName=made.settings.accounts_table, Item=dynamo.wire(keys.accounts() | {"names": {"acme"}})
        )
        yield made


class Stage:
    """The deployment with somebody who calls its API, and a clock that both have."""

    def __init__(self, deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deployed, self.caller, self.now, self.mails = deployed, World(deployed.client), NOW, 0
        for room, name in ((runtime, "clock"), (context, "now")):
            monkeypatch.setattr(room, name, lambda: self.now)

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        answer = self.caller.call(method, path, body, **how)
        assert answer.status < 300, answer.raw
        return answer

    def deliver(self) -> None:
        for _ in range(3):
            self.now += timedelta(minutes=20)
            self.deployed.call("sweep", sample("sweep"))
            self.deployed.drain()

    def receive(self, raw: str, **verdicts: str) -> None:
        self.mails += 1
        inbound_mail.receive(self.deployed, raw.replace("\n", "\r\n").encode(), f"mail-{self.mails}", **verdicts)

    def answer(self, uid: str, method: str, *more: str, sender: str = CANARY["email"], **verdicts: str) -> None:
        lines = (f"DTSTAMP:20270115T12{10 + self.mails}00Z", "COMMENT:Zwitschert laut", *more)
        self.receive(
            f"From: Kanari Zyx <{sender}>\nSubject: Kanari antwortet\nContent-Type: text/calendar; method={method}\n\n"
            f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:{method}\nBEGIN:VEVENT\nUID:{uid}\nSEQUENCE:0\n"
            + "\n".join(lines)
            + f"\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{CANARY['email']}\nEND:VEVENT\nEND:VCALENDAR\n",
            **verdicts,
        )


def places(deployed: Deployment) -> dict[str, str]:
    """All that is stored: every item of every table, every mail in the bucket, every message in a queue."""
    found = {
        f"{table} {item['pk']} {item['sk']}": readable(item)
        for table, items in everything(deployed.client).items()
        for item in items
    }
    s3, sqs = boto3.client("s3", region_name="us-east-1"), boto3.client("sqs")
    for each in s3.list_objects_v2(Bucket=inbound_mail.BUCKET).get("Contents", []):
        found[f"s3 {each['Key']}"] = repr(s3.get_object(Bucket=inbound_mail.BUCKET, Key=each["Key"])["Body"].read())
    for url in sqs.list_queues().get("QueueUrls", []):
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found[f"sqs {url} {message['MessageId']}"] = message["Body"]
    return found


def traces(deployed: Deployment) -> dict[str, list[str]]:
    """Where the canary is found, and by which words."""
    found = {place: [word for word in WORDS if word in text.lower()] for place, text in places(deployed).items()}
    return {place: words for place, words in found.items() if words}


def test_a_canary_who_used_everything_is_found_nowhere_once_erased(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(deployed, monkeypatch)
    hook = stage.ask("POST", "/webhooks", HOOK).body["webhook_id"]
    event = stage.caller.hold(recurrence="FREQ=WEEKLY;COUNT=4")
    made = stage.ask("POST", f"{event}/registrations", CANARY, idempotency_key="canary")
    person = f"{event}/registrations/{made.body['registration_id']}"
    full = stage.caller.hold(capacity=1)
    stage.caller.register(full, "ed@example.net", name="Ed")
    waits = stage.ask("POST", f"{full}/registrations", CANARY).body
    assert waits["status"] == "waitlisted"
    stage.deliver()

    uid = stage.ask("GET", person).body["invitation"]["uid"]
    stage.answer(uid, "REPLY")
    stage.answer(uid, "COUNTER", "RECURRENCE-ID:20270312T080000Z", "DTSTART:20270312T140000Z", "DTEND:20270312T150000Z")
    stage.answer(uid, "REPLY", dmarc="FAIL")
    stage.answer(uid, "REPLY", sender="kanari.zyx@example.org")
    stage.receive(f"From: {CANARY['email']}\nSubject: Zyx\nIn-Reply-To: <{uid}>\n\nZwitschert hier jemand?\n")
    stage.receive(f"From: {CANARY['email']}\nSubject: Zyx\n\nZwitschert nirgends.\n")
    stage.ask("POST", f"{person}/resend")
    assert len(stage.ask("GET", f"{event}/proposals").body["items"]) == 1
    assert len(stage.ask("GET", "/quarantine").body["items"]) == 3
    stage.deliver()
    later = stage.ask("POST", f"{event}/split", {"from": THIRD}).body["event_id"]
    stage.deliver()
    assert len(stage.ask("GET", f"/events/{later}/registrations").body["items"]) == 1
    assert "Zyx" in stage.ask("GET", f"{event}/registrations.csv").raw
    stage.ask("GET", f"{person}/messages/0/mail")
    stage.ask("GET", f"/webhooks/{hook}/deliveries")
    assert len(traces(deployed)) > 15

    stage.ask("DELETE", person, query={"erase": "true"})
    stage.ask("DELETE", f"{full}/registrations/{waits['registration_id']}", query={"erase": "true"})
    stage.deliver()
    assert traces(deployed) == {}
    [copy] = stage.ask("GET", f"/events/{later}/registrations").body["items"]
    assert (copy["status"], copy["email"]) == ("erased", None)
    told = [one for one in deployed.office.accepted if one["Destination"]["ToAddresses"] == [CANARY["email"]]]
    assert deployed.office._read(told[-1])[1] is Method.CANCEL
    logged = capsys.readouterr()
    lines = [line for line in (logged.out + logged.err).splitlines() if any(word in line.lower() for word in WORDS)]
    assert lines == []
    assert json.loads(logged.out.splitlines()[0])


def test_who_is_told_everything_is_erased_at_once(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(deployed, monkeypatch)
    event = stage.caller.hold()
    person = stage.caller.register(event, CANARY["email"], name=CANARY["name"])
    stage.deliver()
    stage.ask("DELETE", person)
    stage.deliver()
    stage.ask("DELETE", person, query={"erase": "true"})
    assert traces(deployed) == {}
