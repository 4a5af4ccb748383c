"""The story through every handler: HTTP in, records and hints as AWS would bring them, mail out."""

from __future__ import annotations

import base64
import json
from importlib import import_module
from io import StringIO
from typing import Any

import pytest

from convoke.model import Method
from convoke.store import keys
from tests.caller import route_of
from tests.deployment import HANDLERS, Deployment, a_deployment
from tests.fixtures import patching_fixture_of
from tests.mailbox import plain_text_of, with_links

REQUEST, CANCEL = Method.REQUEST, Method.CANCEL
MEETING = {
    "title": "Kölner Treffen",
    "start": "2027-03-12T09:00:00",
    "end": "2027-03-12T10:30:00",
    "time_zone": "Europe/Berlin",
    "organizer": {"name": "Ada", "email": "ada@example.org"},
    "notify_after": 0,
}


deployed = patching_fixture_of(a_deployment)


def http(deployed: Deployment, method: str, path: str, body: Any = None) -> Any:
    """One call as API Gateway hands it on, with the account that the authorizer found."""
    answer = deployed.call(
        "api",
        {
            "version": "2.0",
            "routeKey": route_of(method, path)[0],
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json", "authorization": "Bearer x"},
            "requestContext": {
                "authorizer": {"lambda": {"account": "acme", "scopes": "manage read register"}},
                "domainName": "api.convoke.example.com",
                "http": {"method": method, "path": path},
                "stage": "$default",
                "requestId": "r-1",
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        },
    )
    assert answer["statusCode"] < 300, answer
    raw = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    kind = {name.lower(): value for name, value in answer["headers"].items()}["content-type"]
    return json.loads(raw) if kind == "application/json" else raw


def look_at_everything(deployed: Deployment, event_id: str, *registration_ids: str) -> None:
    deployed.ring(keys.event(event_id), *(keys.registration(event_id, one) for one in registration_ids))
    deployed.drain()


def test_two_are_invited_the_event_moves_one_withdraws_and_it_is_cancelled(deployed: Deployment) -> None:
    event_id = http(deployed, "POST", "/events", MEETING)["event_id"]
    people = f"/events/{event_id}/registrations"
    bo = http(deployed, "POST", people, {"name": "Bo Ek", "email": "bo@example.net"})
    cy = http(deployed, "POST", people, {"name": "Cy Oz", "email": "cy@example.com"})
    look_at_everything(deployed, event_id, bo["registration_id"], cy["registration_id"])

    http(deployed, "PATCH", f"/events/{event_id}", {"start": "2027-03-12T15:00:00", "end": "2027-03-12T16:30:00"})
    look_at_everything(deployed, event_id)

    http(deployed, "DELETE", f"{people}/{bo['registration_id']}")
    look_at_everything(deployed, event_id, bo["registration_id"])

    http(deployed, "POST", f"/events/{event_id}/cancel", {"reason": "The hall is flooded"})
    look_at_everything(deployed, event_id)

    def said(address: str) -> list[Method]:
        return [method for to, method, _ in deployed.office.said() if to == address]

    assert said("bo@example.net") == [REQUEST, REQUEST, CANCEL]
    assert said("cy@example.com") == [REQUEST, REQUEST, CANCEL]
    sent = http(deployed, "GET", f"{people}/{cy['registration_id']}/messages")["items"]
    assert [(one["method"], one["sequence"], one["state"]) for one in sent] == [
        ("REQUEST", 0, "accepted"),
        ("REQUEST", 1, "accepted"),
        ("CANCEL", 2, "accepted"),
    ]
    assert all("The hall is flooded" in words for words in mails(deployed, "cy@example.com")[-1:])
    as_sent = http(deployed, "GET", f"{people}/{cy['registration_id']}/messages/2/mail")
    assert with_links(as_sent, of=deployed.office.accepted[-1]["Content"]["Raw"]["Data"])


def mails(deployed: Deployment, address: str) -> list[str]:
    """The plain words of every mail to one address."""
    found = []
    for request in deployed.office.accepted:
        if request["Destination"]["ToAddresses"] == [address]:
            found.append(plain_text_of(request["Content"]["Raw"]["Data"]))
    return found


def test_the_first_in_line_gets_the_seat_and_a_request(deployed: Deployment) -> None:
    event_id = http(deployed, "POST", "/events", {**MEETING, "capacity": 1})["event_id"]
    people = f"/events/{event_id}/registrations"
    bo = http(deployed, "POST", people, {"name": "Bo Ek", "email": "bo@example.net"})
    cy = http(deployed, "POST", people, {"name": "Cy Oz", "email": "cy@example.com"})
    look_at_everything(deployed, event_id, bo["registration_id"], cy["registration_id"])
    assert cy["status"] == "waitlisted"
    assert [to for to, *_ in deployed.office.said()] == ["bo@example.net"]

    http(deployed, "DELETE", f"{people}/{bo['registration_id']}")
    look_at_everything(deployed, event_id, bo["registration_id"], cy["registration_id"])

    assert [(to, method) for to, method, _ in deployed.office.said()] == [
        ("bo@example.net", REQUEST),
        ("bo@example.net", CANCEL),
        ("cy@example.com", REQUEST),
    ]
    assert http(deployed, "GET", f"/events/{event_id}")["waiting"] == 0


def test_no_attendee_is_named_to_another_nor_in_any_log(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    log = StringIO()
    for name in HANDLERS:
        monkeypatch.setattr(import_module(name).logger.registered_handler, "stream", log)
    event_id = http(deployed, "POST", "/events", MEETING)["event_id"]
    canaries = [("Canary One", "one@canary.example.net"), ("Canary Two", "two@canary.example.net")]
    ids = []
    for name, email in canaries:
        body = {"name": name, "email": email}
        ids.append(http(deployed, "POST", f"/events/{event_id}/registrations", body)["registration_id"])
    look_at_everything(deployed, event_id, *ids)
    http(deployed, "POST", f"/events/{event_id}/cancel", {})
    look_at_everything(deployed, event_id, *ids)

    assert len(deployed.office.accepted) == 4
    for request in deployed.office.accepted:
        mail = str(request["Content"]["Raw"]["Data"])
        assert ("one@" in mail) != ("two@" in mail)
    assert "reconciled" in log.getvalue(), "the test would be empty without a log"
    assert "canary" not in log.getvalue().lower()
