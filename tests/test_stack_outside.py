"""On the whole stack: what comes back and whom that reaches, and what an account's own systems are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from local.mailbag import Mail
from local.story import Refused
from tests.running import Meanwhile, Running
from tests.test_stack import register, state
from tests.test_webhook_delivery import documented

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

BOUNCES, COMPLAINS = "bounce@simulator.amazonses.com", "complaint@simulator.amazonses.com"


@contextmanager
def a_receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    """A system of somebody's own: its URL, what it was posted, and what it says to the next ones, 200 by default."""
    came: list[tuple[dict[str, str], bytes]] = []
    says: list[int] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((dict(self.headers), body))
            self.send_response(says.pop(0) if says else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", came, says
        finally:
            server.shutdown()
            thread.join()


def listen(stack: Running, url: str, *events: str) -> dict[str, Any]:
    made: dict[str, Any] = stack.call("POST", "/webhooks", {"url": url, "events": list(events)})
    return made


def told_again(stack: Running) -> None:
    """Runs in a thread beside other tests, in which nobody may register; see ``meanwhile``."""
    genuine = documented()
    with a_receiver() as (url, came, says):
        says.append(503)
        hook = listen(stack, url, "registration.created", "registration.cancelled")
        person = register(stack, stack.an_event(), "hooked@example.net")
        stack.eventually(lambda: len(came) > 1, seconds=60, sweeping=True)
        (_, first), (headers, again) = came[:2]
        assert first == again
        assert genuine(hook["secret"], headers["Convoke-Signature"], again)
        told = json.loads(again)
        assert (told["type"], told["data"]["status"]) == ("registration.created", "registered")
        assert told["data"]["registration_id"] == person.rpartition("/")[2]
        assert b"hooked" not in again
        came.clear()

        stack.call("DELETE", person)
        stack.eventually(lambda: came, sweeping=True)
        assert json.loads(came[0][1])["type"] == "registration.cancelled"

    path = f"/webhooks/{hook['webhook_id']}"
    delivered = stack.eventually(
        lambda: [one for one in stack.call("GET", f"{path}/deliveries")["items"] if one["state"] == "delivered"]
    )
    assert [(one["type"], one["attempts"]) for one in delivered][-1] == ("registration.created", 2)
    stack.call("DELETE", path)
    with pytest.raises(Refused) as refused:
        stack.call("GET", f"{path}/deliveries")
    assert refused.value.status == 404


def test_a_webhook_is_told_signed_and_again_where_it_was_not_ready(meanwhile: Meanwhile) -> None:
    meanwhile.result(told_again)


def test_the_outbox_rings_by_itself(stack: Running) -> None:
    with a_receiver() as (url, came, _):
        hook = listen(stack, url, "registration.created")
        register(stack, stack.an_event(), "rung@example.net")
        stack.eventually(lambda: came, seconds=20)
        stack.call("DELETE", f"/webhooks/{hook['webhook_id']}")


def test_a_webhook_s_failures_can_be_seen(stack: Running) -> None:
    with a_receiver() as (url, came, says):
        says.append(500)
        hook = listen(stack, url, "registration.created")
        stack.call("POST", f"/webhooks/{hook['webhook_id']}/test", {})
        stack.eventually(lambda: came, sweeping=True)
        [shown] = stack.eventually(
            lambda: [
                one
                for one in stack.call("GET", f"/webhooks/{hook['webhook_id']}/deliveries")["items"]
                if one["status"] == 500
            ]
        )
        assert (shown["type"], shown["state"], shown["why"]) == ("webhook.test", "pending", "it answered 500")
        assert shown["next_at"] is not None
        stack.call("DELETE", f"/webhooks/{hook['webhook_id']}")


def not_reached(stack: Running) -> None:
    """Runs in a thread beside other tests; see ``meanwhile``."""
    with a_receiver() as (url, came, _):
        hook = listen(stack, url, "invitation.bounced")
        event = stack.an_event()
        person = register(stack, event, BOUNCES)
        stack.eventually(lambda: state(stack, person) == "bounced")
        stack.eventually(lambda: came, sweeping=True)
        assert json.loads(came[0][1])["data"]["state"] == "bounced"
        stack.call("DELETE", f"/webhooks/{hook['webhook_id']}")

    def attention() -> list[tuple[str, str]]:
        shown = stack.call("GET", event)["attention"]
        assert all(one["registration_id"] == person.rpartition("/")[2] for one in shown)
        return [(one["kind"], one["state"]) for one in shown]

    def to_the_organizer() -> list[Mail]:
        """What she was mailed of this event: other tests have her organize others."""
        return [mail for mail in stack.mails("ada@example.org") if mail.tags["event"] == event.rpartition("/")[2]]

    stack.eventually(lambda: attention() == [("invitation", "bounced")], sweeping=True)
    before = len(to_the_organizer())
    stack.call("POST", f"{event}/cancel", {})
    stack.eventually(lambda: attention() == [("cancellation", "bounced")], seconds=60, sweeping=True)
    stack.eventually(lambda: len(to_the_organizer()) > before, seconds=60, sweeping=True)
    summary = to_the_organizer()[-1]
    assert b"1 person was not reached: Lesung" in summary.raw
    assert BOUNCES.encode() in summary.raw
    assert b"Auto-Submitted: auto-generated" in summary.raw
    for _ in range(3):
        stack.sweep()
    assert len(to_the_organizer()) == before + 1


def test_whoever_was_not_reached_is_shown_and_their_organizer_mailed_once(meanwhile: Meanwhile) -> None:
    meanwhile.result(not_reached)


def test_whoever_complained_is_not_invited_again_and_still_hears_that_it_is_off(stack: Running) -> None:
    event = stack.an_event()
    person = register(stack, event, COMPLAINS)
    stack.eventually(lambda: state(stack, person) == "complained")
    before = len(stack.mails(COMPLAINS))
    stack.call("PATCH", event, {"location": "Aula"})
    stack.sweep()
    stack.call("DELETE", person)
    stack.eventually(lambda: len(stack.mails(COMPLAINS)) > before, sweeping=True)
    assert [mail.method for mail in stack.mails(COMPLAINS)[before:]] == ["CANCEL"]


def test_the_stack_says_what_it_is_not_ready_for_with_its_own_permissions(stack: Running) -> None:
    """What the emulator cannot answer is unknown, and nothing is that the function may not read."""
    answer = stack.client("lambda").invoke(FunctionName=stack.physical_id("Ready"))
    found = {one["what"]: (one["state"], one["why"]) for one in json.load(answer["Payload"])["findings"]}
    assert [what for what, (_, why) in found.items() if "AccessDenied" in why] == []
    known = ("sending", "SES reports", "concurrency", "bytecode", "deletion protection", "tables")
    assert [found[what][0] for what in known] == ["ok"] * 4 + ["to do"] * 2
    assert found["identity"] == ("unknown", "GetEmailIdentity: 404")
