"""End to end, on the whole stack: real HTTP in, real mail out, and what goes wrong on the way."""

from __future__ import annotations

import re
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import story
from local.mailbag import Mail
from local.story import Refused
from tests.mailbox import with_links
from tests.running import Meanwhile, Running, free_ports, start

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SENT = ("accepted", "delivered")


def register(stack: Running, event: str, email: str) -> str:
    """The path of a new registration."""
    person = stack.call("POST", f"{event}/registrations", {"name": email.partition("@")[0], "email": email})
    return f"{event}/registrations/{person['registration_id']}"


def state(stack: Running, registration: str) -> str:
    return str(stack.call("GET", registration)["invitation"]["state"])


def is_told(stack: Running, registration: str, sequence: int = 0) -> bool:
    said = stack.call("GET", registration)["invitation"]
    return said["state"] in SENT and said["sequence"] == sequence


@pytest.mark.usefixtures("settled")
def test_the_story(stack: Running) -> None:
    said: list[str] = []
    mails = story.play(stack.description["api"], stack.description["key"], Path(stack.description["mail"]), said.append)
    for email, name in story.PEOPLE.items():
        sent_to = [mail for mail in mails if mail.to == email]
        assert [(mail.method, mail.sequence) for mail in sent_to] == [("REQUEST", 0), ("REQUEST", 1), ("CANCEL", 2)]
        assert len({mail.value("UID") for mail in sent_to}) == 1
        assert f"{name} <{email}>" in said[-1]
    assert re.search(r"REQUEST  0  Invitation: Kölner Treffen · [A-Z]\w\w \d+ [A-Z]\w\w \d{4}, 18:00\n", said[-1])


def test_the_mail_that_is_kept_is_the_very_mail_that_was_sent_but_for_its_links(stack: Running) -> None:
    registration = register(stack, stack.an_event(), "very@example.net")
    (mail,) = stack.eventually(lambda: stack.mails("very@example.net"))
    request = urllib.request.Request(  # noqa: S310
        f"{stack.description['api']}{registration}/messages/0/mail",
        headers={"Authorization": f"Bearer {stack.description['key']}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.headers["Content-Type"] == "message/rfc822"
        assert with_links(answer.read(), of=mail.raw)
    assert mail.tags["registration"] == registration.rpartition("/")[2]
    assert mail.tags["sequence"] == "0"


@pytest.mark.parametrize("header", [None, "Bearer cvk_" + "x" * 43, "Basic YTpi"])
def test_nobody_gets_in_without_a_key(stack: Running, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    request = urllib.request.Request(f"{stack.description['api']}/events", headers=headers)  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
    assert refused.value.code == 401
    refused.value.close()


def test_bad_input_is_answered_with_the_field_s_name(stack: Running) -> None:
    with pytest.raises(Refused) as refused:
        stack.call("POST", f"{stack.an_event()}/registrations", {"name": "Bo", "email": "bø@example.net"})
    assert refused.value.status == 422
    assert '"field":"email"' in refused.value.said.replace(" ", "")


def throttled(stack: Running) -> None:
    """Runs in a thread beside other tests; see ``meanwhile``."""
    email = "throttled@example.net"
    stack.post("/faults", {"kind": "throttle", "count": 3, "to": email})
    registration = register(stack, stack.an_event(), email)
    stack.eventually(lambda: is_told(stack, registration), seconds=120, sweeping=True)
    stack.sweep()
    assert len(stack.mails(email)) == 1


def test_a_throttled_mail_arrives_once(meanwhile: Meanwhile) -> None:
    meanwhile.result(throttled)


def test_a_rejected_mail_is_shown_as_failed_and_not_tried_again(stack: Running) -> None:
    email = "rejected@example.net"
    stack.post("/faults", {"kind": "reject", "count": 1, "to": email})
    registration = register(stack, stack.an_event(), email)
    stack.eventually(lambda: state(stack, registration) == "failed")
    stack.sweep()
    time.sleep(1)
    assert stack.mails(email) == []


def test_while_ses_is_paused_nobody_is_mailed_and_afterwards_everybody_is(stack: Running) -> None:
    event = stack.an_event()
    stack.post("/faults", {"kind": "paused", "count": 1, "to": "paused@example.net"})
    first = register(stack, event, "paused@example.net")
    sending = {"pk": {"S": "SENDING"}, "sk": {"S": "SENDING"}}
    database, table = stack.client("dynamodb"), stack.description["tables"]["invitations"]
    stack.eventually(lambda: "Item" in database.get_item(TableName=table, Key=sending))
    second = register(stack, event, "also-paused@example.net")
    time.sleep(2)
    assert stack.mails("paused@example.net") + stack.mails("also-paused@example.net") == []
    database.delete_item(TableName=table, Key=sending)
    stack.eventually(lambda: is_told(stack, first) and is_told(stack, second), seconds=60, sweeping=True)
    assert len(stack.mails("paused@example.net")) == len(stack.mails("also-paused@example.net")) == 1


def test_a_bounce_is_shown_and_stops_further_mail(stack: Running) -> None:
    event = stack.an_event()
    bounced = register(stack, event, "bounce@simulator.amazonses.com")
    reached = register(stack, event, "reached@example.net")
    stack.eventually(lambda: state(stack, bounced) == "bounced")
    stack.call("PATCH", event, {"location": "Elsewhere"})
    stack.eventually(lambda: is_told(stack, reached, sequence=1), sweeping=True)
    sent = [mail.tags["event"] for mail in stack.mails("bounce@simulator.amazonses.com")]
    assert sent.count(event.rpartition("/")[2]) == 1, "another test has a mail to this address come back, too"


def test_a_complaint_that_ses_reports_is_shown(stack: Running) -> None:
    registration = register(stack, stack.an_event(), "annoyed@example.net")
    (mail,) = stack.eventually(lambda: stack.mails("annoyed@example.net"))
    stack.post("/ses-events", {"type": "Complaint", "message_id": mail.message_id})
    stack.eventually(lambda: state(stack, registration) == "complained")


def reply(mail: Mail, answer: str, *, sender: str) -> bytes:
    """An answer as a mail program would write it, from whatever address."""
    event = mail.lines[mail.lines.index("BEGIN:VEVENT") :]
    calendar = "\r\n".join(
        (
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", "METHOD:REPLY", "BEGIN:VEVENT"),
            *(line for line in event if line.startswith(("UID:", "SEQUENCE:", "DTSTART", "DTEND"))),
            f"DTSTAMP:{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
            "ORGANIZER:mailto:calendar@convoke.example",
            f"ATTENDEE;PARTSTAT={answer}:mailto:{sender}",
            *("END:VEVENT", "END:VCALENDAR", ""),
        )
    )
    return (
        f"From: <{sender}>\r\nTo: <calendar@convoke.example>\r\nSubject: Accepted\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/calendar; method=REPLY; charset=utf-8\r\n\r\n{calendar}"
    ).encode()


def participation(stack: Running, registration: str) -> Any:
    return stack.call("GET", registration)["participation"]


def test_an_answer_that_comes_in_by_mail_counts_and_a_forged_one_does_not(stack: Running) -> None:
    email = "answers@example.net"
    registration = register(stack, stack.an_event(), email)
    (mail,) = stack.eventually(lambda: stack.mails(email))
    where = "/inbound?recipient=calendar@convoke.example"
    before = len(stack.logged("Replies", "quarantined"))
    stack.post(f"{where}&dmarc=FAIL", reply(mail, "DECLINED", sender=email))
    stack.post(where, reply(mail, "DECLINED", sender="mallory@example.com"))
    stack.eventually(lambda: len(stack.logged("Replies", "quarantined")) == before + 2)
    assert participation(stack, registration) == "needs-action"
    stack.post(where, reply(mail, "ACCEPTED", sender=email))
    stack.eventually(lambda: participation(stack, registration) == "accepted")


def test_a_no_by_mail_gives_the_seat_to_the_first_in_line_and_a_late_yes_is_told_that_there_is_none(
    stack: Running,
) -> None:
    event = stack.an_event(capacity=1, release_on_decline=True)
    decliner, first = "declines@example.net", "first-in-line@example.net"
    declined = register(stack, event, decliner)
    (invitation,) = stack.eventually(lambda: stack.mails(decliner))
    waiting = register(stack, event, first)
    where = "/inbound?recipient=calendar@convoke.example"
    stack.post(where, reply(invitation, "DECLINED", sender=decliner))
    (genuine,) = stack.eventually(lambda: stack.mails(first), sweeping=True)
    assert (genuine.method, genuine.sequence) == ("REQUEST", 0)
    assert any(line.startswith("ATTENDEE") and line.endswith(f"mailto:{first}") for line in genuine.lines)
    assert stack.call("GET", declined)["status"] == "declined"
    assert stack.call("GET", waiting)["status"] == "registered"
    counts = stack.call("GET", f"{event}/participation")
    assert counts == {"accepted": 0, "declined": 1, "tentative": 0, "delegated": 0, "needs-action": 1, "next": None}

    time.sleep(1)  # DTSTAMP has whole seconds
    stack.post(where, reply(invitation, "ACCEPTED", sender=decliner))
    stack.eventually(lambda: len(stack.mails(decliner)) == 3, sweeping=True)
    assert stack.call("GET", declined)["status"] == "waitlisted"
    assert sorted(mail.method for mail in stack.mails(decliner)) == ["", "CANCEL", "REQUEST"]
    answers = stack.call("GET", f"{declined}/answers")["items"]
    assert [(one["status"], one["channel"]) for one in answers] == [("declined", "mail"), ("accepted", "mail")]


def test_registrations_are_exported_beside_their_list(stack: Running) -> None:
    event = stack.an_event()
    register(stack, event, "exported@example.net")
    request = urllib.request.Request(  # noqa: S310
        f"{stack.description['api']}{event}/registrations.csv",
        headers={"Authorization": f"Bearer {stack.description['key']}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        head, row = answer.read().decode().splitlines()
    assert head.startswith('"name","email","status",')
    assert row.startswith('"exported","exported@example.net","registered","needs-action",')


def every_kind(stack: Running) -> None:
    """Runs in a thread beside other tests; see ``meanwhile``."""
    email, event = "writes@example.net", stack.an_event()
    registration = register(stack, event, email)
    (mail,) = stack.eventually(lambda: stack.mails(email))
    where = "/inbound?recipient=calendar@convoke.example"

    def send(method: str, *times: str, answer: str = "TENTATIVE", verdicts: str = "") -> None:
        raw = reply(mail, answer, sender=email).decode()
        for name in ("DTSTART", "DTEND"):
            raw = re.sub(rf"{name}[^\r]*\r\n", "", raw) if times else raw
        raw = raw.replace("END:VEVENT", "\r\n".join((*times, "COMMENT:If it does not rain", "END:VEVENT")))
        stack.post(where + verdicts, raw.replace("REPLY", method).encode())

    proposed = ("DTSTART:20310312T190000Z", "DTEND:20310312T203000Z")
    send("COUNTER", *proposed)
    (proposal,) = stack.eventually(lambda: stack.call("GET", f"{event}/proposals")["items"])
    assert (proposal["start"], proposal["comment"]) == ("2031-03-12T20:00:00", "If it does not rain")
    stack.eventually(lambda: participation(stack, registration) == "tentative")
    stack.call("POST", f"{event}/proposals/{proposal['proposal_id']}/decline")
    declined = stack.eventually(lambda: stack.mails(email)[1:], sweeping=True)
    assert [one.method for one in declined] == ["DECLINECOUNTER"]

    send("REFRESH")
    again = stack.eventually(lambda: stack.mails(email)[2:], sweeping=True)
    assert [one.calendar for one in again] == [mail.calendar]

    time.sleep(1)  # DTSTAMP has whole seconds
    send("REPLY", answer="ACCEPTED", verdicts="&dmarc=FAIL")
    event_id = event.rpartition("/")[2]
    (held,) = stack.eventually(lambda: stack.call("GET", f"/quarantine?event_id={event_id}")["items"])
    assert (held["reason"], held["participation"]) == ("dmarc", "accepted")
    assert participation(stack, registration) == "tentative"
    stack.call("POST", f"/quarantine/{held['quarantine_id']}/release")
    assert participation(stack, registration) == "accepted"
    to_organizer = stack.eventually(lambda: about(stack, event_id), sweeping=True)
    assert [one.subject for one in to_organizer] == ["An answer about: Lesung"]

    rendered = f"From: <{email}>\r\nSubject: Parking\r\nReferences: <{mail.value('UID')}>\r\n\r\nWhere can I park?\r\n"
    stack.post(where, rendered.encode())
    stack.eventually(lambda: "A mail about: Lesung" in {one.subject for one in about(stack, event_id)}, sweeping=True)

    send("COUNTER", *proposed, "X-AGAIN:1")
    accepted = stack.eventually(
        lambda: [one for one in stack.call("GET", f"{event}/proposals")["items"] if one["status"] == "open"]
    )
    stack.call("POST", f"{event}/proposals/{accepted[0]['proposal_id']}/accept")
    stack.eventually(lambda: is_told(stack, registration, sequence=1), sweeping=True)
    assert stack.call("GET", event)["start"] == "2031-03-12T20:00:00"


def test_every_kind_of_mail_that_comes_in_leads_to_what_it_asks(meanwhile: Meanwhile) -> None:
    """With the roles' policies enforced: each thing that is done is permitted, and no more is needed."""
    meanwhile.result(every_kind)


def about(stack: Running, event_id: str) -> list[Mail]:
    """The notifications to the organizer of one event."""
    return [one for one in stack.mails("ada@example.org") if one.tags.get("event") == event_id]


def test_a_port_in_use_is_a_clear_error(stack: Running, tmp_path: Path) -> None:
    (free,) = free_ports(1)
    process = start(tmp_path, port=stack.ports[0], inbox_port=free)
    assert process.wait(timeout=20) == 1
    second = Running(folder=tmp_path, process=process, ports=(free,))
    assert f"Port {stack.ports[0]} is in use" in second.said()
    assert "CONVOKE_PORT=" in second.said()
    assert second.left_behind() == []
    assert stack.call("GET", "/events")["items"] is not None
