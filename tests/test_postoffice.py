"""The post office: what it accepts, how it fails when told to, what it reports, and what its pages show."""

from __future__ import annotations

import itertools
import json
import queue
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from icalendar import Calendar

from local.postoffice import PostOffice
from local.postoffice.calendars import Effect, show
from local.postoffice.connected import Telling
from local.postoffice.entries import when
from local.postoffice.letters import read
from local.postoffice.page import content_lines
from local.postoffice.records import Places, Verdicts
from local.postoffice.reports import LONGEST_PAUSE, Reports
from local.postoffice.ses import LARGEST_MAIL
from local.postoffice.shelf import Shelf

BO = "bo@example.net"
ORGANIZER = "events@example.org"
SILENCE = 3.0
PLACES = Places(
    feedback_topic="arn:aws:sns:us-east-1:000000000000:feedback",
    inbound_topic="arn:aws:sns:us-east-1:000000000000:inbound",
    inbound_bucket="inbound-mail",
    region="us-east-1",
)


class Topics:
    """An SNS that remembers what was published, in order."""

    def __init__(self) -> None:
        self.published: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()

    def publish(self, *, TopicArn: str, Message: str, Subject: str) -> None:  # noqa: N803
        assert Subject.isascii()
        self.published.put((TopicArn, json.loads(Message)))

    def next(self) -> tuple[str, dict[str, Any]]:
        return self.published.get(timeout=3)


class Objects(dict[tuple[str, str], bytes]):
    """An S3 that remembers what was put."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self[Bucket, Key] = Body


class Answered:
    """An HTTP answer, whatever its status."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def call(office: PostOffice, method: str, path: str, body: bytes | None = None, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(office.url + path, data=body, method=method, headers=named)  # noqa: S310 - our own server
    try:
        with build_opener(_Stay).open(request, timeout=5) as answer:
            return Answered(answer.status, answer.headers, answer.read())
    except HTTPError as answer:
        with answer:
            return Answered(answer.code, answer.headers, answer.read())


def shown(office: PostOffice, path: str = f"/mailbox/{BO}") -> str:
    """A page, with one space wherever there are some: Bo's mailbox, if nothing else is said."""
    return " ".join(call(office, "GET", path).text.split())


def post(office: PostOffice, path: str, value: object) -> Answered:
    return call(office, "POST", path, json.dumps(value).encode())


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    office = PostOffice(tmp_path / "mail", silence=SILENCE)
    office.start()
    yield office
    office.stop()


class Stack:
    """What the office reports to once there is a stack."""

    def __init__(self, office: PostOffice) -> None:
        self.topics, self.objects = Topics(), Objects()
        office.reports.connect(self.topics, self.objects, PLACES)


@pytest.fixture
def stack(office: PostOffice) -> Stack:
    return Stack(office)


@pytest.fixture(scope="module")
def aws() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@pytest.fixture
def ses(office: PostOffice, aws: boto3.Session) -> Iterator[Any]:
    client: Any = aws.client(
        "sesv2",
        endpoint_url=office.url,
        config=Config(
            connect_timeout=2,
            read_timeout=SILENCE / 2,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=30,
        ),
    )
    yield client
    client.close()


def ics(
    method: str = "REQUEST",
    *,
    uid: str = "e.r.1@example.org",
    sequence: int = 0,
    minute: int = 0,
    title: str = "Kölner Treffen",
    when: str = "DTSTART;TZID=Europe/Berlin:20270312T090000|DTEND;TZID=Europe/Berlin:20270312T103000",
    more: str = "",
    attendee: str = BO,
    partstat: str = "NEEDS-ACTION",
) -> str:
    """A calendar as the application makes it; ``|`` separates lines."""
    status = "CANCELLED" if method == "CANCEL" else "CONFIRMED"
    lines = f"""BEGIN:VCALENDAR|PRODID:-//Convoke//Convoke//EN|VERSION:2.0|CALSCALE:GREGORIAN|METHOD:{method}
BEGIN:VTIMEZONE|TZID:Europe/Berlin
BEGIN:STANDARD|DTSTART:19701025T030000|RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200|TZOFFSETTO:+0100|TZNAME:CET|END:STANDARD
BEGIN:DAYLIGHT|DTSTART:19700329T020000|RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100|TZOFFSETTO:+0200|TZNAME:CEST|END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT|UID:{uid}|SEQUENCE:{sequence}|DTSTAMP:20270101T12{minute:02d}00Z
{when}|SUMMARY:{title}|LOCATION:Altes Rathaus\\, Saal 2|{more}
ORGANIZER;CN="Ada Lovelace":mailto:{ORGANIZER}
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={partstat};RSVP=TRUE;CN="Bo Ek":mailto:{attendee}
STATUS:{status}|TRANSP:OPAQUE|END:VEVENT|END:VCALENDAR|"""
    return "\r\n".join(line for line in lines.replace("\n", "|").split("|") if line) + "\r\n"


def mail(
    calendar: str = "",
    *,
    to: str = BO,
    name: str = "Bo Ek",
    subject: str = "Kölner Treffen",
    html: str = "<p>You are invited.</p>",
    method: str | None = None,
    sender: str = f"Ada Lovelace <{ORGANIZER}>",
) -> bytes:
    """A mail as the application makes it: text, HTML and calendar, and the calendar again as an attachment."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = f"{name} <{to}>"
    letter["Subject"] = subject
    letter["Date"] = "Fri, 01 Jan 2027 12:00:00 +0000"
    letter.set_content("You are invited.\n")
    letter.add_alternative(html, subtype="html")
    if calendar:
        method = method or calendar.partition("METHOD:")[2].partition("\r\n")[0]
        letter.add_alternative(calendar, subtype="calendar", params={"method": method})
        letter.add_attachment(calendar.encode(), maintype="application", subtype="ics", filename="invite.ics")
    return letter.as_bytes()


def send(ses: Any, raw: bytes, to: str = BO, **more: Any) -> str:
    answer = ses.send_email(Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": raw}}, **more)
    return str(answer["MessageId"])


# --- The wire of SES


def test_what_was_accepted_is_stored_to_the_byte_with_a_note_beside_it(
    office: PostOffice, ses: Any, tmp_path: Path
) -> None:
    raw = mail(ics()) + b"\r\nline ends \n and odd bytes \xff\x00 stay\r\n"
    message_id = send(ses, raw, EmailTags=[{"Name": "event", "Value": "abc"}, {"Name": "sequence", "Value": "0"}])
    folder = tmp_path / "mail"
    assert sorted(path.name for path in folder.iterdir()) == ["000001.eml", "000001.json"]
    assert (folder / "000001.eml").read_bytes() == raw
    note = json.loads((folder / "000001.json").read_text())
    accepted_at = datetime.fromisoformat(note.pop("accepted_at"))
    assert abs(datetime.now(UTC) - accepted_at) < timedelta(seconds=10)
    assert note == {
        "to": [BO],
        "from": ORGANIZER,
        "tags": {"event": "abc", "sequence": "0"},
        "message_id": message_id,
    }
    assert call(office, "GET", "/mail").json() == [note | {"accepted_at": accepted_at.isoformat()}]


def test_the_envelope_is_the_destination_else_the_headers(office: PostOffice, ses: Any) -> None:
    send(ses, mail(to="somebody@example.net"), to="Bo Ek <bo@example.net>")
    ses.send_email(Content={"Raw": {"Data": mail(to="somebody@example.net")}})
    assert [note["to"] for note in call(office, "GET", "/mail").json()] == [[BO], ["somebody@example.net"]]


def test_numbers_follow_the_order_of_acceptance_when_many_send_at_once(
    office: PostOffice, ses: Any, tmp_path: Path
) -> None:
    def one(index: int) -> str:
        return send(ses, mail(subject=f"mail {index}"))

    with ThreadPoolExecutor(12) as people:
        ids = dict(enumerate(people.map(one, range(60))))
    notes = [json.loads(path.read_text()) for path in sorted((tmp_path / "mail").glob("*.json"))]
    assert [path.stem for path in sorted((tmp_path / "mail").glob("*.eml"))] == [f"{n:06d}" for n in range(1, 61)]
    assert sorted(note["message_id"] for note in notes) == sorted(ids.values())
    assert [note["accepted_at"] for note in notes] == sorted(note["accepted_at"] for note in notes)
    subjects = {note["message_id"]: office.shelf.letter(office.shelf.all()[n]).subject for n, note in enumerate(notes)}
    assert subjects == {message_id: f"mail {index}" for index, message_id in ids.items()}


def test_it_starts_with_an_empty_folder_and_leaves_foreign_files_alone(tmp_path: Path) -> None:
    for name in ("000007.eml", "000007.json", "000008.eml.part", "notes.json"):
        (tmp_path / name).write_text("from before")
    PostOffice(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.json"]


def test_a_port_in_use_is_an_error(office: PostOffice, tmp_path: Path) -> None:
    other = PostOffice(tmp_path / "other", port=int(office.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="in use"):
        other.start()


NO_TO = mail().replace(b"To: Bo Ek <bo@example.net>\r\n", b"")
NO_FROM = mail().replace(b"From: Ada Lovelace <events@example.org>\r\n", b"")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Content": {"Raw": {"Data": NO_TO}}, "Destination": {"ToAddresses": [BO]}}, "header 'To'"),
        ({"Content": {"Raw": {"Data": NO_FROM}}, "Destination": {"ToAddresses": [BO]}}, "header 'From'"),
        ({"Content": {"Raw": {"Data": mail()}}, "Destination": {"ToAddresses": [BO] * 51}}, "exceeds 50"),
        ({"Content": {"Raw": {"Data": mail()}}, "Destination": {"ToAddresses": ["nobody"]}}, "illegal address"),
        ({"Content": {"Raw": {"Data": mail()}}, "Destination": {"ToAddresses": ["bö@example.net"]}}, "7-bit"),
        ({"Content": {"Raw": {"Data": mail()}}, "EmailTags": [{"Name": "a", "Value": "b c"}]}, "tag value"),
        ({"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}}, "raw mail only"),
    ],
)
def test_what_ses_refuses_is_refused_and_not_stored(
    office: PostOffice, ses: Any, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ses.exceptions.BadRequestException, match=message):
        ses.send_email(**request_)
    assert office.shelf.all() == ()


def test_a_mail_may_have_40_mb_in_base64(office: PostOffice, ses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGEST_MAIL == 40 * 1024 * 1024
    monkeypatch.setattr("local.postoffice.ses.LARGEST_MAIL", len(b64encode(mail())))
    send(ses, mail())
    with pytest.raises(ses.exceptions.BadRequestException, match="length"):
        send(ses, mail() + b"four")
    assert len(office.shelf.all()) == 1


def test_the_account_is_healthy_and_counts_what_was_sent(ses: Any) -> None:
    send(ses, mail())
    account = ses.get_account()
    assert (account["SendingEnabled"], account["EnforcementStatus"]) == (True, "HEALTHY")
    assert account["SendQuota"]["SentLast24Hours"] == 1


# --- Faults


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("throttle", 429, "TooManyRequestsException"),
        ("error-500", 500, "InternalServiceErrorException"),
        ("reject", 400, "MessageRejected"),
        ("paused", 400, "SendingPausedException"),
    ],
)
def test_a_fault_with_an_answer_is_the_error_that_boto3_knows(
    office: PostOffice, ses: Any, kind: str, status: int, code: str
) -> None:
    assert post(office, "/faults", {"kind": kind}).status == 201
    with pytest.raises(ClientError) as caught:
        send(ses, mail())
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert isinstance(caught.value, getattr(ses.exceptions, code))
    assert office.shelf.all() == ()
    send(ses, mail())
    assert len(office.shelf.all()) == 1


@pytest.mark.parametrize(
    ("kind", "error", "stored"),
    [
        ("reset", ConnectionClosedError, 0),
        ("timeout", ReadTimeoutError, 0),
        ("timeout-after-accept", ReadTimeoutError, 1),
    ],
)
def test_a_fault_without_an_answer_is_the_error_that_boto3_raises(
    office: PostOffice, ses: Any, kind: str, error: type[Exception], stored: int
) -> None:
    post(office, "/faults", {"kind": kind})
    with pytest.raises(error):
        send(ses, mail())
    assert len(office.shelf.all()) == stored


def test_a_reset_is_a_reset_on_the_wire_and_silent_on_the_terminal(
    office: PostOffice, capfd: pytest.CaptureFixture[str]
) -> None:
    post(office, "/faults", {"kind": "reset"})
    body = json.dumps(
        {"Content": {"Raw": {"Data": "RnJvbTogYUBleGFtcGxlLm9yZwpUbzogYkBleGFtcGxlLm5ldAoKaGk="}}}
    ).encode()
    with socket.create_connection(("127.0.0.1", int(office.url.rpartition(":")[2])), timeout=5) as line:
        head = "POST /v2/email/outbound-emails HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    office.stop()
    assert capfd.readouterr().err == ""


def test_a_fault_is_used_up_by_its_count_and_only_by_its_address(office: PostOffice, ses: Any) -> None:
    post(office, "/faults", {"kind": "throttle", "count": 2, "to": "BO@example.net"})
    outcomes = []
    for to in ("al@example.net", BO, BO, "al@example.net", BO):
        try:
            outcomes.append(bool(send(ses, mail(to=to), to=to)))
        except ses.exceptions.TooManyRequestsException:
            outcomes.append(False)
    assert outcomes == [True, False, False, True, True]


def test_pending_faults_can_be_seen_and_cleared(office: PostOffice, ses: Any) -> None:
    post(office, "/faults", {"kind": "throttle", "count": 3, "to": BO})
    post(office, "/faults", {"kind": "reset"})
    with pytest.raises(ses.exceptions.TooManyRequestsException):
        send(ses, mail())
    assert call(office, "GET", "/faults").json() == [
        {"kind": "throttle", "count": 2, "to": BO},
        {"kind": "reset", "count": 1},
    ]
    assert "the next 2 sends to bo@example.net (throttle)" in shown(office, "/")
    assert call(office, "DELETE", "/faults").status == 204
    assert call(office, "GET", "/faults").json() == []
    send(ses, mail())


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"kind": "explode"}, "kind"),
        ({"kind": ["throttle"]}, "kind"),
        ({"count": 1}, "kind"),
        ({"kind": "reset", "count": 0}, "count"),
        ({"kind": "reset", "count": True}, "count"),
        ({"kind": "reset", "count": "2"}, "count"),
        ({"kind": "reset", "to": "everybody"}, "to"),
        ({"kind": "reset", "to": ""}, "to"),
        ({"kind": "reset", "times": 2}, "times"),
        ([], "body"),
        ("{", "body"),
    ],
)
def test_a_bad_order_names_its_field_and_changes_nothing(office: PostOffice, order: object, field: str) -> None:
    answer = call(office, "POST", "/faults", b"{") if order == "{" else post(office, "/faults", order)
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == field
    assert call(office, "GET", "/faults").json() == []


def test_stop_lets_go_of_those_who_are_kept_waiting(tmp_path: Path, aws: boto3.Session) -> None:
    office = PostOffice(tmp_path, silence=60)
    office.start()
    post(office, "/faults", {"kind": "timeout"})
    config = Config(read_timeout=30, retries={"total_max_attempts": 1})
    client: Any = aws.client("sesv2", endpoint_url=office.url, config=config)
    with ThreadPoolExecutor(1) as someone:
        waiting = someone.submit(send, client, mail())
        deadline = time.monotonic() + 3
        while office.faults.pending() and time.monotonic() < deadline:
            time.sleep(0.01)
        began = time.monotonic()
        office.stop()
        assert isinstance(waiting.exception(timeout=3), ConnectionClosedError)
    assert time.monotonic() - began < 3
    with pytest.raises(EndpointConnectionError):
        send(client, mail())
    client.close()


# --- Reports of SES


def test_an_accepted_mail_is_reported_as_sent_and_then_delivered(ses: Any, stack: Stack) -> None:
    message_id = send(ses, mail(ics()), EmailTags=[{"Name": "event", "Value": "abc"}], ConfigurationSetName="convoke")
    (topic, sent), (_, delivered) = stack.topics.next(), stack.topics.next()
    assert topic == PLACES.feedback_topic
    assert (sent["eventType"], sent["send"]) == ("Send", {})
    about = sent["mail"]
    assert about["messageId"] == about["commonHeaders"]["messageId"] == message_id
    assert about["destination"] == [BO]
    assert about["source"] == ORGANIZER
    assert about["sendingAccountId"] == "000000000000"
    assert about["tags"]["event"] == ["abc"]
    assert about["tags"]["ses:configuration-set"] == ["convoke"]
    assert about["commonHeaders"]["from"] == [f"Ada Lovelace <{ORGANIZER}>"]
    assert about["commonHeaders"]["subject"] == "Kölner Treffen"
    assert {"name": "To", "value": "Bo Ek <bo@example.net>"} in about["headers"]
    assert about["headersTruncated"] is False
    assert datetime.fromisoformat(about["timestamp"]).tzinfo is not None
    assert (delivered["eventType"], delivered["delivery"]["recipients"]) == ("Delivery", [BO])
    assert delivered["mail"] == about


@pytest.mark.parametrize(
    ("mailbox", "events"),
    [
        ("success", ["Send", "Delivery"]),
        ("ooto", ["Send", "Delivery"]),
        ("bounce", ["Send", "Bounce"]),
        ("suppressionlist", ["Send", "Bounce"]),
        ("complaint", ["Send", "Delivery", "Complaint"]),
    ],
)
def test_the_simulators_addresses_behave_as_with_ses(ses: Any, stack: Stack, mailbox: str, events: list[str]) -> None:
    address = f"{mailbox}@simulator.amazonses.com"
    send(ses, mail(to=address), to=address)
    reported = [stack.topics.next()[1] for _ in events]
    assert [event["eventType"] for event in reported] == events
    last = reported[-1]
    if events[-1] == "Bounce":
        subtype = "Suppressed" if mailbox == "suppressionlist" else "General"
        assert (last["bounce"]["bounceType"], last["bounce"]["bounceSubType"]) == ("Permanent", subtype)
        assert last["bounce"]["bouncedRecipients"][0]["emailAddress"] == address
    if events[-1] == "Complaint":
        assert last["complaint"]["complainedRecipients"] == [{"emailAddress": address}]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("Send", "send"),
        ("Delivery", "delivery"),
        ("Bounce", "bounce"),
        ("Complaint", "complaint"),
        ("Reject", "reject"),
        ("DeliveryDelay", "deliveryDelay"),
    ],
)
def test_any_event_can_be_reported_of_an_accepted_mail(
    office: PostOffice, ses: Any, stack: Stack, kind: str, key: str
) -> None:
    message_id = send(ses, mail())
    stack.topics.next(), stack.topics.next()
    answer = post(office, "/ses-events", {"type": kind, "message_id": message_id})
    topic, event = stack.topics.next()
    assert answer.json() == event
    assert (topic, event["eventType"], event["mail"]["messageId"]) == (PLACES.feedback_topic, kind, message_id)
    assert key in event


def test_an_event_of_an_unknown_mail_or_kind_is_refused(office: PostOffice, stack: Stack) -> None:
    assert post(office, "/ses-events", {"type": "Bounce", "message_id": "no such"}).status == 404
    assert post(office, "/ses-events", {"type": "Open", "message_id": "x"}).json()["errors"][0]["field"] == "type"
    assert post(office, "/ses-events", {"type": "Send"}).json()["errors"][0]["field"] == "message_id"
    assert stack.topics.published.empty()


def test_a_topic_that_fails_does_not_stop_the_mail(
    office: PostOffice, ses: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Topics):
        def publish(self, *, TopicArn: str, Message: str, Subject: str) -> None:  # noqa: N803
            super().publish(TopicArn=TopicArn, Message=Message, Subject=Subject)
            raise OSError("no topic today")

    topics = Broken()
    office.reports.connect(topics, Objects(), PLACES)
    send(ses, mail())
    send(ses, mail())
    assert [topics.next()[1]["eventType"] for _ in range(4)] == ["Send", "Delivery"] * 2
    assert "could not be reported" in caplog.text


# --- Mail that comes in


def test_mail_from_outside_goes_to_the_bucket_and_then_to_the_topic(office: PostOffice, stack: Stack) -> None:
    topics, objects = stack.topics, stack.objects
    raw = mail(ics(), sender="Bo Ek <bo@example.net>", to=ORGANIZER, name="Events")
    answer = call(office, "POST", f"/inbound?recipient={ORGANIZER}&dmarc=fail&spf=GRAY&policy=quarantine", raw)
    topic, notification = topics.next()
    message_id = answer.json()["message_id"]
    assert objects == {("inbound-mail", message_id): raw}
    assert (topic, notification["notificationType"]) == (PLACES.inbound_topic, "Received")
    receipt = notification["receipt"]
    assert receipt["recipients"] == [ORGANIZER]
    assert {name: receipt[f"{name}Verdict"]["status"] for name in ("spam", "virus", "spf", "dkim", "dmarc")} == {
        "spam": "PASS",
        "virus": "PASS",
        "spf": "GRAY",
        "dkim": "PASS",
        "dmarc": "FAIL",
    }
    assert receipt["dmarcPolicy"] == "quarantine"
    assert receipt["action"] == {
        "type": "S3",
        "topicArn": PLACES.inbound_topic,
        "bucketName": "inbound-mail",
        "objectKey": message_id,
    }
    about = notification["mail"]
    assert (about["source"], about["messageId"], about["destination"]) == (BO, message_id, [ORGANIZER])
    assert about["commonHeaders"]["from"] == ["Bo Ek <bo@example.net>"]


def test_verdicts_pass_and_the_envelope_sender_is_froms_unless_said_otherwise(office: PostOffice, stack: Stack) -> None:
    call(office, "POST", f"/inbound?recipient={ORGANIZER}&source=other@example.com", mail())
    notification = stack.topics.next()[1]
    assert notification["mail"]["source"] == "other@example.com"
    assert notification["receipt"]["dmarcVerdict"] == {"status": "PASS"}
    assert "dmarcPolicy" not in notification["receipt"]


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [
        ("", b"x", "recipient"),
        ("?recipient=a@example.org", b"", "body"),
        ("?recipient=a@example.org&dkim=MAYBE", b"x", "dkim"),
        ("?recipient=a@example.org&policy=none!", b"x", "policy"),
    ],
)
def test_incoming_mail_that_is_not_addressed_is_refused(
    office: PostOffice, stack: Stack, query: str, body: bytes, field: str
) -> None:
    answer = call(office, "POST", f"/inbound{query}", body)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, field)
    assert stack.objects == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"(" * 20_000 + b"\r\n\r\n",
        b"From: a@example.net\r\nContent-Type: " + b"x;" * 100_000 + b"\r\n\r\n",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000)),
        b"Subject: =?utf-9?q?=ff?=\r\n\r\n",
        b"Subject: " + b"\xff\xfe" * 10_000 + b"\r\n\r\n",
        b"\x00" * 10_000,
    ],
)
def test_hostile_incoming_mail_is_passed_on_as_it_is(office: PostOffice, stack: Stack, raw: bytes) -> None:
    began = time.monotonic()
    answer = call(office, "POST", f"/inbound?recipient={ORGANIZER}", raw)
    assert answer.status == 200
    stack.topics.next()
    assert stack.objects["inbound-mail", answer.json()["message_id"]] == raw
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ("recipient=%C3%A4@example.org", "From: a@example.net", "recipient"),
        ("recipient=a@example.org&source=%C3%A4@example.net", "From: a@example.net", "source"),
        ("recipient=a@example.org", "From: Bö <bö@example.net>", "source"),
        ("recipient=a@example.org&source=", "From: Bö <bö@example.net>", "From"),
        ("recipient=a@example.org", "From: a@example.net\r\nTo: bo@exämple.net", "To"),
        ("recipient=a@example.org", "From: a@example.net\r\nReply-To: x@example.net, bö@example.net", "Reply-To"),
    ],
)
def test_an_address_that_is_not_ascii_is_refused(
    office: PostOffice, stack: Stack, query: str, headers: str, field: str
) -> None:
    answer = call(office, "POST", f"/inbound?{query}", f"{headers}\r\n\r\nHej".encode())
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, field)
    assert stack.objects == {}


def test_a_burst_of_incoming_mail_is_taken_in_at_once_and_passed_on_one_by_one_and_none_is_lost(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack may be busy, or gone for a while: every third call fails, and two at once are one too many."""
    busy, calls = threading.Lock(), itertools.count(1)

    class Busy(Objects):
        def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
            assert busy.acquire(blocking=False), "two at once"
            try:
                time.sleep(0.001)
                if next(calls) % 3 == 0:
                    raise OSError("no bucket now")
                super().put_object(Bucket=Bucket, Key=Key, Body=Body)
            finally:
                busy.release()

    monkeypatch.setattr(office.reports, "_pause", lambda _: None)
    topics, objects = Topics(), Busy()
    office.reports.connect(topics, objects, PLACES)

    def one(index: int) -> str:
        answer = call(office, "POST", f"/inbound?recipient={ORGANIZER}", mail(subject=f"mail {index}"))
        assert answer.status == 200
        return str(answer.json()["message_id"])

    with ThreadPoolExecutor(25) as people:
        ids = list(people.map(one, range(100)))
    came = [topics.next()[1]["mail"]["messageId"] for _ in ids]
    assert sorted(came) == sorted(ids)
    assert sorted(key for _, key in objects) == sorted(ids)


def test_after_each_report_there_is_a_pause_that_grows_with_how_long_it_took(tmp_path: Path) -> None:
    pauses: list[float] = []
    reports = Reports(Shelf(tmp_path), pauses.append)
    reports.connect(Topics(), Objects(), PLACES)
    reports.receive(mail(), recipient=ORGANIZER, source=BO, verdicts=Verdicts())
    reports.start()
    reports.stop()
    [pause] = pauses
    assert 0 < pause <= LONGEST_PAUSE


def test_all_that_waits_is_published_before_there_is_a_pause(tmp_path: Path) -> None:
    done: list[str] = []
    objects = Objects()
    reports = Reports(Shelf(tmp_path), lambda _: done.append(f"a pause after {len(list(objects))}"))
    reports.connect(Topics(), objects, PLACES)
    for _ in range(3):
        reports.receive(mail(), recipient=ORGANIZER, source=BO, verdicts=Verdicts())
    reports.start()
    reports.stop()
    assert done == ["a pause after 3"]


def test_until_there_is_a_stack_incoming_mail_and_events_say_so(office: PostOffice, ses: Any) -> None:
    message_id = send(ses, mail())
    assert call(office, "POST", f"/inbound?recipient={ORGANIZER}", mail()).status == 503
    assert post(office, "/ses-events", {"type": "Send", "message_id": message_id}).status == 503


# --- What a calendar shows

SERIES = "DTSTART;TZID=Europe/Berlin:20270312T090000|DURATION:PT1H|RRULE:FREQ=WEEKLY;COUNT=4"
SECOND = "RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000|DTSTART;TZID=Europe/Berlin:20270319T110000|DURATION:PT1H"
SECOND_IN_UTC = SECOND.replace(";TZID=Europe/Berlin:20270319T090000", ":20270319T080000Z")
LATER = "DTSTART;TZID=Europe/Berlin:20270313T090000|DURATION:PT1H"

INVITED, INVITED_WEEKLY = ics(), ics(when=SERIES)
FRIDAY, SATURDAY = "Fri 12 March 2027, 09:00 – 10:30", "Sat 13 March 2027, 09:00 – 10:00"
FIRST_DATE, MOVED_DATE = "Fri 12 March 2027, 09:00 – 10:00", "Fri 19 March 2027, 11:00 – 12:00"

CONVERSATIONS: dict[str, tuple[list[str], list[str], str]] = {
    "an invitation": ([INVITED], [f"stands 0 {FRIDAY}"], "added"),
    "an update": ([INVITED, ics(sequence=1, when=LATER)], [f"stands 1 {SATURDAY}"], "added updated"),
    "the same again": ([INVITED, INVITED], [f"stands 0 {FRIDAY}"], "added same"),
    "a newer DTSTAMP with the same SEQUENCE": (
        [INVITED, ics(minute=1, when=LATER)],
        [f"stands 0 {SATURDAY}"],
        "added updated",
    ),
    "an older DTSTAMP does not beat a higher SEQUENCE": (
        [ics(minute=5), ics(sequence=1, when=LATER)],
        [f"stands 1 {SATURDAY}"],
        "added updated",
    ),
    "a cancellation": ([INVITED, ics("CANCEL", sequence=1)], [f"removed 1 {FRIDAY}"], "added removed"),
    "a late old request after the cancellation": (
        [INVITED, ics("CANCEL", sequence=2), ics(sequence=1, when=LATER)],
        [f"removed 2 {FRIDAY}"],
        "added removed old",
    ),
    "a late old cancellation after an update": (
        [INVITED, ics(sequence=2), ics("CANCEL", sequence=1)],
        [f"stands 2 {FRIDAY}"],
        "added updated old",
    ),
    "a cancellation of nothing, and the old request after it": (
        [ics("CANCEL", sequence=1), INVITED],
        [],
        "nothing_to_remove old",
    ),
    "another generation": (
        [INVITED, ics("CANCEL", sequence=1), ics(uid="e.r.2@example.org")],
        [f"removed 1 {FRIDAY}", f"stands 0 {FRIDAY}"],
        "added removed added",
    ),
    "several whole days": (
        [ics(when="DTSTART;VALUE=DATE:20270312|DTEND;VALUE=DATE:20270315")],
        ["stands 0 Fri 12 March 2027 – Sun 14 March 2027, all day"],
        "added",
    ),
    "one whole day": ([ics(when="DTSTART;VALUE=DATE:20270312")], ["stands 0 Fri 12 March 2027, all day"], "added"),
    "one date of a series moved": (
        [INVITED_WEEKLY, ics(sequence=1, when=SECOND)],
        [f"stands 0 {FIRST_DATE}", f"stands 1 {MOVED_DATE}"],
        "added added",
    ),
    "one date of a series cancelled": (
        [INVITED_WEEKLY, ics("CANCEL", sequence=1, when=SECOND)],
        [f"stands 0 {FIRST_DATE}", f"removed 1 {MOVED_DATE}"],
        "added removed",
    ),
    "a series cancelled takes its dates with it": (
        [INVITED_WEEKLY, ics(sequence=1, when=SECOND), ics("CANCEL", sequence=2, when=SERIES)],
        [f"removed 2 {FIRST_DATE}"],
        "added added removed",
    ),
    "a moved date that comes after its series was cancelled": (
        [INVITED_WEEKLY, ics("CANCEL", sequence=2, when=SERIES), ics(sequence=1, when=SECOND)],
        [f"removed 2 {FIRST_DATE}"],
        "added removed old",
    ),
    "a series that moved forgets its moved dates": (
        [INVITED_WEEKLY, ics(sequence=1, when=SECOND), ics(sequence=2, when=SERIES.replace("T09", "T08"))],
        ["stands 2 Fri 12 March 2027, 08:00 – 09:00"],
        "added added updated",
    ),
    "a series told again forgets what was told of single dates before": (
        [INVITED_WEEKLY, ics(sequence=1, when=SECOND), ics(sequence=2, when=SERIES, title="Treffen")],
        [f"stands 2 {FIRST_DATE}"],
        "added added updated",
    ),
    "a date told after the series stands, though it overtook it": (
        [INVITED_WEEKLY, ics(sequence=2, when=SECOND), ics(sequence=1, when=SERIES)],
        [f"stands 1 {FIRST_DATE}", f"stands 2 {MOVED_DATE}"],
        "added added updated",
    ),
    "a date cancelled before its series came": (
        [ics("CANCEL", sequence=1, when=SECOND), INVITED_WEEKLY],
        [f"stands 0 {FIRST_DATE}", f"removed 1 {MOVED_DATE}"],
        "nothing_to_remove added",
    ),
    "a cancelled date is back": (
        [INVITED_WEEKLY, ics("CANCEL", sequence=1, when=SECOND), ics(sequence=2, when=SECOND)],
        [f"stands 0 {FIRST_DATE}", f"stands 2 {MOVED_DATE}"],
        "added removed added",
    ),
    "a date is the same in whatever zone it is named": (
        [ics(when=SECOND), ics(sequence=1, when=SECOND_IN_UTC)],
        [f"stands 1 {MOVED_DATE}"],
        "added updated",
    ),
    "neither request nor cancellation": ([ics("PUBLISH")], [], "other_method"),
    "not a calendar": (["BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEV"], [], "unreadable"),
    "no UID": ([INVITED.replace("UID:", "X-UID:")], [], "unreadable"),
    "a SEQUENCE that is no number": ([INVITED.replace("SEQUENCE:0", "SEQUENCE:x")], [], "unreadable"),
}
"""Of each: the calendars in the order in which they come, what is shown then, and what each of them did."""


@pytest.mark.parametrize(("mails", "entries", "effects"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_a_calendar_shows_what_its_mails_say(mails: list[str], entries: list[str], effects: str) -> None:
    calendar = show([read(mail(text)) for text in mails], BO)
    assert [f"{entry.state} {entry.sequence} {when(entry)}" for entry in calendar.entries] == entries
    assert [effect.name.lower() for effect in calendar.effects] == effects.split()


def test_a_mail_whose_method_is_not_its_content_types_is_refused() -> None:
    calendar = show([read(mail(ics("CANCEL"), method="REQUEST")), read(mail())], BO)
    assert calendar.effects == (Effect.MISMATCH, Effect.NONE)


def test_participation_is_that_of_the_attendee_whose_mailbox_it_is() -> None:
    mine = show([read(mail(ics(partstat="ACCEPTED", attendee="BO@Example.net")))], BO).entries[0]
    other = show([read(mail(ics(partstat="ACCEPTED", attendee="al@example.net")))], BO).entries[0]
    assert (mine.participation, mine.can_answer) == ("ACCEPTED", True)
    assert (other.participation, other.can_answer) == ("", False)


def test_calendar_lines_are_unfolded_and_taken_apart() -> None:
    lines = content_lines('BEGIN:VEVENT\r\nATTENDEE;CN="a:b":mailto:\r\n bo@example.net\r\nEND:VEVENT\r\nBROKEN\r\n')
    assert [(line.depth, line.name, line.parameters, line.value) for line in lines] == [
        (0, "BEGIN", "", "VEVENT"),
        (1, "ATTENDEE", ';CN="a:b"', "mailto:bo@example.net"),
        (0, "END", "", "VEVENT"),
        (0, "BROKEN", "", ""),
    ]


# --- The pages

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&"


def test_an_empty_office_says_what_to_do(office: PostOffice) -> None:
    assert "No mail yet" in shown(office, "/")
    assert "No mail was accepted" in shown(office)


def test_the_list_shows_how_far_changes_have_been_told_and_follows_that(office: PostOffice) -> None:
    refresh = '<meta http-equiv="refresh" content="2">'
    assert refresh not in shown(office, "/")
    at = datetime(2027, 1, 15, 12, 1, tzinfo=UTC)
    under_way = [
        Telling(title=HOSTILE, told=120, of=200),
        Telling(title="Waits", at=at),
        Telling(title="Begins"),
    ]
    office.tellings.connect(lambda: under_way)
    page = shown(office, "/")
    text = " ".join(page.split())
    assert HOSTILE not in page
    assert '<span>told 120 of 200</span> <progress value="120" max="200"' in text
    assert (
        '<strong>Waits</strong> <span>a change will be told at <time datetime="2027-01-15T12:01:00+00:00">12:01:00'
        in text
    )
    assert "<strong>Begins</strong> <span>people are about to be told</span> </li>" in text
    assert refresh in page
    under_way.clear()
    assert "told" not in shown(office, "/")
    assert refresh not in shown(office, "/")


def test_mailboxes_are_shown_where_the_stack_does_not_say_how_far_it_is(office: PostOffice, ses: Any) -> None:
    def read() -> list[Telling]:
        raise ConnectionError("no stack")

    send(ses, mail(subject="first"))
    office.tellings.connect(read)
    text = shown(office, "/")
    assert "first" in text
    assert "cannot be read at the moment (ConnectionError)" in text


def test_the_console_is_a_button_once_the_stack_is_up_and_each_click_makes_a_link(office: PostOffice) -> None:
    assert "Console</button>" not in shown(office, "/")
    assert call(office, "POST", "/console").status == 503
    links = iter(("http://127.0.0.1:1/console/link/a", "http://127.0.0.1:1/console/link/b"))
    office.console.connect("http://127.0.0.1:1", lambda: next(links))

    page = call(office, "GET", "/")

    assert '<form method="post" action="/console"><button>Console</button></form>' in page.text
    assert "form-action 'self' http://127.0.0.1:1;" in page.headers["Content-Security-Policy"]
    for letter in "ab":
        answer = call(office, "POST", "/console")
        assert (answer.status, answer.headers["Location"]) == (303, f"http://127.0.0.1:1/console/link/{letter}")


def test_another_site_gets_no_link_to_the_console(office: PostOffice) -> None:
    office.console.connect("http://127.0.0.1:1", lambda: "http://127.0.0.1:1/console/link/a")
    assert call(office, "POST", "/console", origin="https://evil.example").status == 403


def test_the_pages_bring_their_own_style_sheet(office: PostOffice) -> None:
    assert '<link rel="stylesheet" href="/static/inbox.css">' in shown(office, "/")
    assert call(office, "GET", "/static/inbox.css").headers["Content-Type"].startswith("text/css")


def test_mailboxes_are_listed_newest_first_whatever_the_case_of_the_address(office: PostOffice, ses: Any) -> None:
    send(ses, mail(subject="first"))
    send(ses, mail(to="al@example.net", name="Al", subject="second"), to="al@example.net")
    send(ses, mail(to="Bo@Example.net", subject="third"), to="Bo@Example.net")
    text = shown(office, "/")
    assert text.count('<span class="who">') == 2
    assert text.index("third") < text.index("second")
    assert "first" not in text


def test_a_mailbox_shows_the_mails_and_what_the_calendar_makes_of_them(office: PostOffice, ses: Any) -> None:
    send(ses, mail(ics()))
    send(ses, mail(ics("CANCEL", sequence=1), subject="Cancelled: Kölner Treffen"))
    text = shown(office)
    assert '<span class="badge cancel">CANCEL</span>' in text
    assert '<span class="badge request">REQUEST</span>' in text
    assert "removed by CANCEL" in text
    assert "<s>Kölner Treffen</s>" in text
    assert "<button" not in text
    assert "METHOD</b><i></i>:<span>REQUEST" in shown(office, f"/mailbox/{BO}?mail=1&view=calendar")
    assert "Content-Type: text/calendar" in shown(office, f"/mailbox/{BO}?mail=1&view=source")


@pytest.mark.parametrize("view", ["message", "calendar", "source"])
def test_hostile_content_is_escaped_everywhere(office: PostOffice, ses: Any, view: str) -> None:
    title = HOSTILE.replace("&", "&amp").replace(";", "\\;")
    calendar = ics(title=title, more=f"DESCRIPTION:{title}").replace("Altes Rathaus", "<script>where</script>")
    calendar = calendar.replace("UID:e.r.1@example.org", 'UID:"><script>uid</script>')
    send(ses, mail(calendar, subject=HOSTILE, html="<script>alert(3)</script>", name='"<script>name</script>"'))
    for path in ("/", f"/mailbox/{BO}?view={view}", "/mailbox/%3Cscript%3Ealert(4)%3C/script%3E"):
        answer = call(office, "GET", path)
        assert answer.status == 200
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in answer.text.replace(office.url, "")  # nothing is loaded from elsewhere


def test_the_html_of_a_mail_is_shown_in_a_sandbox(office: PostOffice, ses: Any) -> None:
    send(ses, mail(html="<script>alert(3)</script>"))
    assert '<iframe sandbox title="The mail as it looks" src="/mail/1/html">' in shown(office)
    answer = call(office, "GET", "/mail/1/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script-src" not in policy
    assert call(office, "GET", "/mail/2/html").status == 404


def answer_on_the_page(
    office: PostOffice, answer: str, uid: str = "e.r.1@example.org", date_id: str = "", **headers: str
) -> Answered:
    form = urlencode({"uid": uid, "date_id": date_id, "answer": answer}).encode()
    headers = {"Content_Type": "application/x-www-form-urlencoded"} | headers
    return call(office, "POST", f"/mailbox/{quote(BO)}/reply", form, **headers)


def replied(objects: Objects, number: int = 1) -> tuple[Any, Any]:
    """The answer of this number, a mail, which is passed on a moment after it was taken in; and the event in it."""
    deadline = time.monotonic() + 20
    while len(objects) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    letter: Any = message_from_bytes(list(objects.values())[-1], policy=default)
    part = next(part for part in letter.walk() if part.get_content_type() == "text/calendar")
    calendar: Any = Calendar.from_ical(part.get_content())
    assert part.get_param("method") == calendar["METHOD"] == "REPLY"
    (event,) = calendar.events
    return letter, event


@pytest.mark.parametrize("answer", ["ACCEPTED", "TENTATIVE", "DECLINED"])
def test_an_answer_on_the_page_is_a_genuine_reply_by_mail(
    office: PostOffice, ses: Any, stack: Stack, answer: str
) -> None:
    topics, objects = stack.topics, stack.objects
    send(ses, mail(ics(sequence=3)))
    topics.next(), topics.next()
    page = answer_on_the_page(office, answer)
    assert (page.status, page.headers["Location"]) == (303, f"/mailbox/{BO}#calendar")
    _, notification = topics.next()
    assert notification["receipt"]["recipients"] == [ORGANIZER]
    assert notification["receipt"]["dmarcVerdict"] == {"status": "PASS"}
    assert notification["mail"]["source"] == BO
    assert len(objects) == 1
    letter, event = replied(objects)
    assert (letter["From"], letter["To"]) == (f"Bo Ek <{BO}>", ORGANIZER)
    assert (event["UID"], event["SEQUENCE"]) == ("e.r.1@example.org", 3)
    assert event["ORGANIZER"] == f"mailto:{ORGANIZER}"
    assert (event["ATTENDEE"], event["ATTENDEE"].params["PARTSTAT"]) == (f"mailto:{BO}", answer)
    assert event.start == datetime(2027, 3, 12, 8, tzinfo=UTC)
    assert abs(datetime.now(UTC) - event["DTSTAMP"].dt) < timedelta(seconds=10)
    assert f"Answered here: {answer.lower()}." in shown(office)


def test_an_answer_for_one_date_names_it_as_the_series_does(office: PostOffice, ses: Any, stack: Stack) -> None:
    send(ses, mail(ics(sequence=3, when=SERIES)))
    send(ses, mail(ics(sequence=4, when=SECOND)))
    assert answer_on_the_page(office, "ACCEPTED").status == 303
    _, whole = replied(stack.objects, 1)
    assert ("RECURRENCE-ID" in whole, whole["SEQUENCE"]) == (False, 3)

    # One that the rule alone has, and one that was told apart.
    assert answer_on_the_page(office, "DECLINED", date_id="20270402T070000Z").status == 303
    _, fourth = replied(stack.objects, 2)
    assert fourth["RECURRENCE-ID"].to_ical() == fourth["DTSTART"].to_ical() == b"20270402T090000"
    assert fourth["RECURRENCE-ID"].params == {"TZID": "Europe/Berlin"}
    assert (fourth["UID"], fourth["SEQUENCE"], "RRULE" in fourth) == ("e.r.1@example.org", 3, False)
    assert fourth["ATTENDEE"].params["PARTSTAT"] == "DECLINED"

    assert answer_on_the_page(office, "TENTATIVE", date_id="20270319T080000Z").status == 303
    _, second = replied(stack.objects, 3)
    assert (second["RECURRENCE-ID"].to_ical(), second["SEQUENCE"]) == (b"20270319T090000", 4)
    assert second.start == datetime(2027, 3, 19, 10, tzinfo=UTC)

    text = shown(office)
    assert [text.count(f"Answered here: {answer}.") for answer in ("accepted", "declined", "tentative")] == [1, 1, 1]


def test_a_date_that_does_not_stand_cannot_be_answered(office: PostOffice, ses: Any, stack: Stack) -> None:
    send(ses, mail(ics(when=SERIES + "|EXDATE;TZID=Europe/Berlin:20270326T090000")))
    send(ses, mail(ics("CANCEL", sequence=1, when=SECOND)))
    for gone in ("20270319T080000Z", "20270326T080000Z", "20270327T080000Z"):
        assert answer_on_the_page(office, "ACCEPTED", date_id=gone).status == 409
    assert stack.objects == {}


def test_a_series_is_shown_date_by_date(office: PostOffice, ses: Any) -> None:
    send(ses, mail(ics(when=SERIES)))
    send(ses, mail(ics(sequence=1, when=SECOND)))
    send(ses, mail(ics("CANCEL", sequence=2, when=SECOND.replace("0319", "0326"))))
    send(ses, mail(ics(sequence=3, when=SECOND.replace("0319T11", "0402T09").replace("0319", "0402"), title="<b>Chor")))
    text = shown(office)
    dates = text.partition('<ol class="dates">')[2]
    days = [words.partition("</span>")[0] for words in dates.split('<span class="day">')[1:]]
    assert days == ["Fri 12 Mar", "Fri 19 Mar", "<s>Fri 26 Mar</s>", "Fri 2 Apr"]
    assert "every week, 4 times" in text
    assert "moved from <s>Fri 19 March 2027, 09:00</s>" in dates
    assert "called “&lt;b&gt;Chor”" in dates
    assert dates.count("<form") == 3
    assert [word in text for word in ("3 dates", "1 moved", "1 cancelled", "1 changed")] == [True] * 4


def test_a_long_series_is_folded_where_it_is_as_planned(office: PostOffice, ses: Any) -> None:
    send(ses, mail(ics(when=SERIES.replace("COUNT=4", "COUNT=60"))))
    for sequence, day in enumerate(("0416", "0625"), start=1):
        send(ses, mail(ics("CANCEL", sequence=sequence, when=SECOND.replace("0319", day).replace("11", "09"))))
    text = shown(office)
    assert text.count('<li class="fold">') == 2  # two dates between others are few
    assert "9 more dates, Fri 23 Apr – Fri 18 Jun</summary>" in text
    assert "44 more dates, Fri 2 Jul – Fri 28 Apr 2028</summary>" in text
    assert text.count('<span class="day">') == 60


def test_what_a_calendar_shows_can_be_asked_by_tools(office: PostOffice, ses: Any) -> None:
    send(ses, mail(ics(when=SERIES)))
    send(ses, mail(ics(sequence=1, when=SECOND)))
    send(ses, mail(ics("CANCEL", sequence=2, when=SECOND.replace("0319", "0326"))))
    (series,) = call(office, "GET", f"/calendar/{BO}").json()
    assert (series["uid"], series["title"], series["stands"], series["sequence"]) == (
        "e.r.1@example.org",
        "Kölner Treffen",
        True,
        0,
    )
    assert series["repeats"] == "every week, 4 times"
    assert [(date["date"], date["start"], date["stands"], date["mark"]) for date in series["dates"]] == [
        ("2027-03-12T09:00:00+01:00", "2027-03-12T09:00:00+01:00", True, "as planned"),
        ("2027-03-19T09:00:00+01:00", "2027-03-19T11:00:00+01:00", True, "moved"),
        ("2027-03-26T09:00:00+01:00", "2027-03-26T09:00:00+01:00", False, "cancelled"),
        ("2027-04-02T09:00:00+02:00", "2027-04-02T09:00:00+02:00", True, "as planned"),
    ]
    assert call(office, "GET", "/calendar/nobody@example.net").json() == []


def test_an_answer_counts_until_the_event_changes(office: PostOffice, ses: Any, stack: Stack) -> None:
    send(ses, mail(ics()))
    answer_on_the_page(office, "ACCEPTED")
    answer_on_the_page(office, "DECLINED")
    assert "Answered here: declined." in shown(office)
    send(ses, mail(ics(sequence=1, when=LATER)))
    assert "Answered here" not in shown(office)
    assert len(stack.objects) == 2


def test_what_does_not_stand_cannot_be_answered(office: PostOffice, ses: Any, stack: Stack) -> None:
    send(ses, mail(ics()))
    assert answer_on_the_page(office, "PERHAPS").status == 422
    assert answer_on_the_page(office, "ACCEPTED", uid="another").status == 409
    send(ses, mail(ics("CANCEL", sequence=1)))
    assert answer_on_the_page(office, "ACCEPTED").status == 409
    assert stack.objects == {}


def test_an_answer_before_there_is_a_stack_says_so_and_is_not_shown_as_given(office: PostOffice, ses: Any) -> None:
    send(ses, mail(ics()))
    assert answer_on_the_page(office, "ACCEPTED").status == 503
    assert "Answered here" not in shown(office)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example.com"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
)
def test_another_site_cannot_post(office: PostOffice, ses: Any, stack: Stack, headers: dict[str, str]) -> None:
    send(ses, mail(ics()))
    assert answer_on_the_page(office, "ACCEPTED", **headers).status == 403
    assert call(office, "POST", "/faults", b'{"kind": "reset"}', **headers).status == 403
    assert (stack.objects, office.faults.pending()) == ({}, ())
    assert answer_on_the_page(office, "ACCEPTED", Origin=office.url, Sec_Fetch_Site="same-origin").status == 303


def test_another_name_for_this_machine_is_not_served(office: PostOffice) -> None:
    assert call(office, "GET", "/mail", Host="evil.example.com").status == 400


def test_get_and_head_change_nothing(office: PostOffice, ses: Any, stack: Stack, tmp_path: Path) -> None:
    send(ses, mail(ics()))
    stack.topics.next(), stack.topics.next()

    def state() -> object:
        return {path.name: path.read_bytes() for path in (tmp_path / "mail").iterdir()}, office.faults.pending()

    before = state()
    for path in (
        "/",
        f"/mailbox/{BO}",
        f"/mailbox/{BO}/reply?answer=ACCEPTED",
        "/mail",
        "/mail/1/html",
        f"/calendar/{BO}",
        "/faults",
    ):
        for method in ("GET", "HEAD"):
            call(office, method, path)
    assert (state(), stack.objects, stack.topics.published.empty()) == (before, {}, True)
