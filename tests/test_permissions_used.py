"""No role may do what its function never does: every function is driven through all its ways, and nothing is left over.

That it may do what it does is seen on the way: a call that its role does not allow fails here, too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

import console
import imports
from convoke.aws import runtime
from convoke.decision.invitation import WaitMail, WaitMailed
from convoke.delivery.audit import Findings
from convoke.effects import NotificationHint
from convoke.links import tokens
from convoke.links.tokens import Purpose
from convoke.mail.new_notifications import wait_notification
from convoke.model import AnswerChannel, Participation, Registration, RegistrationStatus
from convoke.pages import hints
from convoke.registrations.events import change_event, create_event
from convoke.registrations.registry import register, withdraw
from convoke.registrations.replies import apply as apply_reply
from convoke.registrations.returning import come_back
from convoke.schedule import series
from convoke.settings import Settings
from convoke.store import answers, dynamo, keys, lookups
from convoke.store.link_keys import LinkKeys
from convoke.store.store import Store
from convoke.web import context
from convoke.webhooks import http
from convoke.webhooks.events import WebhookEventType, WebhookPayload
from tests import policies
from tests.caller import PARTY, World
from tests.deployment import EVENTS, Context, Deployment, a_deployment, forget_what_is_warm, sample
from tests.factories import EVENT_ID, MORNING, NEW_ID, NOW, REGISTRATION_ID, event, existing, registration, reply
from tests.iam import like, several
from tests.secretary import Secretary
from tests.test_account_settings import image
from tests.test_api_occurrences import THIRD
from tests.test_functions import BUCKET, receive
from tests.test_imports import Job
from tests.test_permissions import needed_by_lambda
from tests.test_readiness import ready
from tests.test_signing_in import path_in
from tests.test_sources import SUMMER
from tests.test_sources_function import Site
from tests.test_sync import PLAIN
from tests.test_webhook_delivery import HOOK as LISTENER
from tests.test_webhook_delivery import Outside, Stage
from tests.visitor import Visitor

WEEKLY = "FREQ=WEEKLY;COUNT=4"
PERSON = keys.registration(EVENT_ID, REGISTRATION_ID)
PUBLIC_ID = EVENT_ID[:-1] + "r"
REFUSED_ID = EVENT_ID[:-1] + "q"
NEXT_ID = REGISTRATION_ID[:-1] + "q"
ANSWER = (EVENTS / "replies-accepted.eml").read_bytes()
HOOK = {"url": "https://hooks.example.org/convoke", "events": ["registration.created", "registration.promoted"]}


class Clock:
    """The clock of all functions, set forward by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr(runtime, "clock", lambda: self.now)
        monkeypatch.setattr(context, "now", lambda: self.now)
        monkeypatch.setattr(runtime, "time", Mock(sleep=lambda _: None))  # for a clock that stands still

    def later(self) -> datetime:
        self.now += timedelta(minutes=20)
        return self.now


def authorizing(deployed: Deployment) -> None:
    secret = deployed.store.accounts.create_key(account="acme", name="ci", now=NOW)
    asked = sample("authorize-known-key") | {"headers": {"authorization": f"Bearer {secret}"}}
    assert deployed.call("authorize", asked)["isAuthorized"]


def calling(caller: World) -> None:
    hook = caller.call("POST", "/webhooks", HOOK).body["webhook_id"]
    caller.call("GET", "/webhooks")
    assert caller.call("PATCH", "/account", {"logo": image()}).status == 200
    assert caller.call("PATCH", "/account", {"logo": None}).body == caller.call("GET", "/account").body
    caller.call("GET", f"/webhooks/{hook}/deliveries")
    caller.call("DELETE", f"/webhooks/{caller.call('POST', '/webhooks', HOOK).body['webhook_id']}")
    for _ in range(2):
        assert caller.call("POST", "/events", PARTY, idempotency_key=f"once-{caller.role}").status == 201
    held = caller.hold(capacity=1)
    its_own = keys.registration_id(NOW, caller.role.ljust(16).encode()[:16])
    mail = caller.put_aside(caller.register(held), quarantine_id=its_own)
    assert caller.call("POST", f"{mail}/drop").status == 200
    caller.call("DELETE", caller.register(held, "cy@example.net"))
    for order in lookups.Order:
        caller.call("GET", "/events", query={"order": order})
    caller.call("GET", "/registrations", query={"email": "cy@example.net"})
    for people in ({}, {"order": "name"}, {"search": "cy ek"}, {"search": "b"}):
        assert caller.call("GET", f"{held}/registrations", query=people).status == 200
    series = caller.hold(recurrence=WEEKLY)
    caller.register(series)
    assert caller.call("POST", f"{series}/split", {"from": THIRD}).status == 201


def managing(deployed: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody signs in to the console with a key and out again, then by a mailed link; it does what the API does."""
    forget_what_is_warm()
    world = World(deployed.client, "Console")
    world.store = Store(deployed.client, deployed.settings)
    monkeypatch.setattr(console, "store", lambda: world.store)
    monkeypatch.setattr(console, "now", lambda: clock.now)
    secretary, door = Secretary(world), "/console/sign-in"
    secret = deployed.store.accounts.create_key(account="acme", name="console", now=NOW)
    assert secretary.submits(door, key=secret).location == "/console"
    assert secretary.sends(secretary.get("/console"), "/console/sign-out").location == door
    email = PARTY["organizer"]["email"]
    calling(world)
    before = len(deployed.office.accepted)
    assert secretary.sends(secretary.get(door), f"{door}/mail", email=email).status == 303
    deployed.drain()
    mails = [mail["Content"]["Raw"]["Data"] for mail in deployed.office.accepted[before:]]
    (path,) = [path_in(mail) for mail in mails if b"/console/link/" in mail.replace(b"=\r\n", b"")]
    assert secretary.submits(path).location == "/console"
    assert email in secretary.get("/console").text
    with policies.acting_as("Console"):
        hints.go_on(deployed.settings, EVENT_ID, "0")


def visiting(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody registers on the page, declines, and registers again; they lose their link, and it is mailed."""
    visitor = Visitor(deployed.client)
    visitor.store = deployed.store
    visitor.opens(monkeypatch)
    visitor.hold(event_id=PUBLIC_ID, release_on_decline=True)
    assert visitor.get(f"/e/{PUBLIC_ID}").status == 200
    hinted = queued_hints(monkeypatch)
    links = []
    for _ in range(2):
        assert fill(visitor, "register", name="Di", email="di@example.net", language="en") == 303
        unconfirmed_id = hinted[-1].registration_id.encode()
        until = visitor.now + timedelta(hours=1)
        links.append(f"/c/{tokens.sealed(visitor.store.link_keys.at(NOW), Purpose.CONFIRM, unconfirmed_id, until)}")
    assert fill(visitor, "link", email="di@example.net") == 303
    for link in links:
        assert visitor.post(link, visitor.get(link).fields()).status == 303
        [person] = visitor.store.reads.some_registrations(PUBLIC_ID, "", 2)
        assert person.status is RegistrationStatus.REGISTERED
        for minute in (1, 2):
            apply_reply(
                *(visitor.store, PUBLIC_ID, person.registration_id),
                reply(status=Participation.DECLINED, dtstamp=NOW + timedelta(minutes=minute)),
                channel=AnswerChannel.API,
                now=NOW,
            )
        person = visitor.store.reads.registration(PUBLIC_ID, person.registration_id) or person
        released = replace(person, status=RegistrationStatus.DECLINED, version=person.version + 1)
        visitor.store.attempt({"one": visitor.store.registrations.change_action(person, released)})
    assert visitor.get(f"/assets/logo-{'0' * 32}.png").status == 404
    using_the_personal_page(visitor, hinted)
    with policies.acting_as("Pages"):
        assert visitor.store.link_keys.at(NOW).current


def using_the_personal_page(visitor: Visitor, hinted: list[NotificationHint]) -> None:
    """They come back, withdraw, return, ask for another address, and are erased."""
    [person] = visitor.store.reads.some_registrations(PUBLIC_ID, "", 2)
    made_with = visitor.store.link_keys.at(NOW)
    ids, hour = (PUBLIC_ID, person.registration_id), visitor.now + timedelta(hours=1)
    page = f"/r/{tokens.personal(made_with, Purpose.RECENT, *ids, person.links, hour)}"
    for action in ("return", "change", "withdraw", "return"):
        fields = visitor.get(f"{page}/{action}").fields() | {"name": "Di Ek", "language": ""}
        assert visitor.post(f"{page}/{action}", fields).status == 303
    leave = f"/u/{tokens.personal(made_with, Purpose.WITHDRAW, *ids, person.links)}"
    assert visitor.post(leave, {"List-Unsubscribe": "One-Click"}).status == 200
    for action in ("return", "address", "data", "erase"):
        fields = visitor.get(f"{page}/{action}").fields() | {"email": "dia@example.net"}
        assert visitor.post(f"{page}/{action}", fields).status in (200, 303)
    assert hinted
    full = "f" * 26
    visitor.hold(event_id=full, capacity=1)
    for number in (1, 2):
        one = registration(
            event_id=full, registration_id=f"{REGISTRATION_ID[:-1]}{number}", email=f"{number}@example.net"
        )
        register(visitor.store, one, now=NOW)
    waits = tokens.personal(made_with, Purpose.PERSONAL, full, f"{REGISTRATION_ID[:-1]}2", 0)
    assert "at place 1" in visitor.get(f"/r/{waits}").text


def queued_hints(monkeypatch: pytest.MonkeyPatch) -> list[NotificationHint]:
    """What the pages queue from now on."""
    found: list[NotificationHint] = []
    send = hints.send

    def kept(settings: Settings, hint: NotificationHint | None) -> None:
        found.extend([hint] if hint else [])
        send(settings, hint)

    monkeypatch.setattr(hints, "send", kept)
    return found


def fill(visitor: Visitor, page: str, **typed: str) -> int:
    path = f"/e/{PUBLIC_ID}/{page}"
    hidden = visitor.get(path).fields()
    visitor.later(3)
    return visitor.post(path, hidden | typed).status


def without_keys_of_links(deployed: Deployment) -> None:
    """As if the next function were the first of the deployment to need them, in a process of its own."""
    deployed.client.delete_item(TableName=deployed.settings.accounts_table, Key=dynamo.wire(keys.link_keys()))
    forget_what_is_warm()


def telling(deployed: Deployment) -> None:
    """By the stream and by the queues; the event's people are informed of a change, and what SES reports is applied."""
    store = deployed.store
    deployed.client.delete_item(TableName=deployed.settings.accounts_table, Key=dynamo.wire(keys.link_keys()))
    with policies.acting_as("Deliver"):  # it may be the first that needs them
        assert LinkKeys(deployed.client, deployed.settings).at(NOW).current
    deployed.call("feedback", sample("feedback-bounce"))
    # As if the dates of a series waited for the delivery of what was said of the whole.
    deployed.client.update_item(
        TableName=deployed.settings.invitations_table,
        Key=dynamo.wire(PERSON),
        UpdateExpression="SET due_shard = :shard, due_key = :at",
        ExpressionAttributeValues=dynamo.wire({":shard": "0", ":at": keys.due_key(1, NOW)}),
    )
    deployed.call("feedback", sample("feedback-delivery"))
    was = existing(deployed.reads.event(EVENT_ID))
    assert change_event(store, was, replace(was, title="Other", version=was.version + 1), priority=1, now=NOW)
    deployed.ring(keys.event(EVENT_ID))
    without_keys_of_links(deployed)
    deployed.drain()
    deployed.call("deliver", sample("deliver-survey"))


def telling_few(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the stream alone, also where a writer is at one of them; what SES does not take now is left to a queue."""
    busy = Mock(side_effect=ClientError({"Error": {"Code": "TooManyRequestsException", "Message": ""}}, "SendEmail"))
    for title, together, refused in (("Few", True, False), ("Fewer", False, False), ("Fewest", True, True)):
        was = existing(deployed.reads.event(EVENT_ID))
        after = replace(was, title=title, version=was.version + 1)
        assert change_event(deployed.store, was, after, priority=1, now=NOW, at_once=True)
        with monkeypatch.context() as patch:
            if not together:
                patch.setattr(dynamo, "get_together", lambda *_: None)
            if refused:
                patch.setattr(deployed.office, "send_email", busy)
            deployed.ring(keys.event(EVENT_ID))
    deployed.drain()


def giving_up(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SES rejects is given up, whichever function sent it, and webhooks are told."""
    store = deployed.store
    rejected = ClientError({"Error": {"Code": "MessageRejected", "Message": "no"}}, "SendEmail")
    with monkeypatch.context() as refusing:
        refusing.setattr(deployed.office, "send_email", Mock(side_effect=rejected))
        create_event(store, event(event_id=REFUSED_ID))
        for number in (1, 2):
            person = registration(
                event_id=REFUSED_ID, registration_id=f"{REGISTRATION_ID[:-1]}{number}", email=f"{number}@example.net"
            )
            register(store, person, now=NOW)
            row = keys.registration(REFUSED_ID, person.registration_id)
            if number == 1:
                deployed.ring(row)
            else:
                hint = json.dumps({"event": REFUSED_ID, "registration": person.registration_id})
                record = sample("deliver-batch")["Records"][0] | {"body": hint}
                assert deployed.call("deliver", {"Records": [record]}) == {"batchItemFailures": []}


def answering(deployed: Deployment) -> None:
    """The seat goes to the first in line, and there is none any more for whoever comes again."""
    for minute, said in enumerate(("ACCEPTED", "DECLINED", "ACCEPTED")):
        mail = ANSWER.replace(b"PARTSTAT=ACCEPTED", f"PARTSTAT={said}".encode())
        receive(deployed, mail.replace(b"T121500Z", f"T12{10 + minute}00Z".encode()), ses_id=said + str(minute))
    receive(deployed, b"From: cy@example.org\r\n\r\nHello.", ses_id="of nobody")


def sweeping(deployed: Deployment, caller: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API was stopped at: copying people after a split, promoting, erasing somebody who had been told."""
    with monkeypatch.context() as stopped:
        stopped.setattr(context, "start_transfer", lambda _: None)
        stopped.setattr(context, "promote", lambda _: None)
        series = caller.hold(recurrence=WEEKLY)
        caller.register(series)
        caller.call("POST", f"{series}/split", {"from": THIRD})
        held = caller.hold(capacity=1)
        told = caller.register(held)
        caller.register(held, "cy@example.net")
        caller.tell(told)
        kept = {**keys.received_from(told.rpartition("/")[2], "m"), "bucket": BUCKET, "key": "m"}
        deployed.client.put_item(TableName=deployed.settings.invitations_table, Item=dynamo.wire(kept))
        assert caller.call("PATCH", held, {"capacity": 2}).status == 200
        caller.call("DELETE", told, query={"erase": "true"})
        for _ in range(4):
            clock.later()
            deployed.call("sweep", sample("sweep"))
            deployed.drain()


def auditing(deployed: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs is put down where it is too much to be believed, and put right where it is not."""
    store = deployed.store
    create_event(store, event(event_id=NEW_ID))
    register(store, registration(event_id=NEW_ID), now=NOW)
    deployed.client.update_item(
        TableName=deployed.settings.invitations_table,
        Key=dynamo.wire(keys.invitation(NEW_ID, REGISTRATION_ID)),
        UpdateExpression="REMOVE due_shard, due_key",
    )
    clock.later()
    for stops, done in ((True, False), (False, True)):
        monkeypatch.setattr(Findings, "too_many", stops)
        assert deployed.call("audit", sample("audit"))["put_right"] is done


def importing(deployed: Deployment) -> None:
    """The sweep finds an import; a worker runs out of time, the next one ends it."""
    world = World(deployed.client)
    world.store = deployed.store
    people = [{"name": "Fay", "email": f"{name}@example.net", "external_id": name} for name in ("fay", "gus", "fay")]
    job = Job(world, f"/events/{EVENT_ID}", people)
    deployed.call("sweep", sample("sweep"))
    for remaining in (14_000, 30_000):
        record = sample("imports-continue")["Records"][0]
        record |= {"body": json.dumps({"event": EVENT_ID, "import": job.import_id})}
        hurried: Any = Context(remaining)
        with policies.acting_as("Imports"):
            assert imports.handler({"Records": [record]}, hurried) == {"batchItemFailures": []}
    assert job.now.finished_at


def posting(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside()
    monkeypatch.setattr(http, "post", outside.post)
    stage = Stage(deployed, outside)
    stage.ring(stage.happen())
    stage.drain()
    assert outside.stored


def following(deployed: Deployment) -> None:
    """Rows of a site's own tables: an event that is cancelled and takes place again, and somebody who leaves it,
    by one click and then by their row.
    """
    site = Site(deployed)
    site.write("site-registrations", PLAIN)
    site.ring("site-registrations", PLAIN)
    for changes in ({}, {"state": "off"}, {"seats": 1}, {"tz": "Berlin"}, {"name": "Garden party"}):
        site.write("site-events", SUMMER | changes)
        site.ring("site-events", SUMMER)
    moved = PLAIN | {"email": "b@example.net"}
    for row in (moved, moved | {"full_name": "Bo"}, moved | {"state": "no"}):
        site.write("site-registrations", row)
        site.ring("site-registrations", PLAIN)
        if row is moved:
            site.leave()
    site.client.delete_item(TableName="site-events", Key=dynamo.wire({"event_id": "e1"}))
    site.compare()


def granted() -> set[tuple[str, str, str]]:
    """Each action on each resource that a role allows, but for logs and traces."""
    deployment = policies.Deployment(**policies.FOLLOWS)
    return {
        (role, action, resource)
        for role, part in deployment.template["Resources"].items()
        if part["Type"] == "AWS::IAM::Role"
        for statement in deployment.policies(role)
        for action in several(statement["Action"])
        for resource in several(statement["Resource"])
        if not action.startswith(("logs:", "xray:"))
    }


def the_queue(resource: str) -> str:
    """Which of the two queues a hint goes to is said by what it is about, not by who sends it."""
    return resource.replace(":Urgent", ":Ordinary")


def waiting(deployed: Deployment) -> None:
    """Somebody registers on the page of the event, which is full, and another one comes back by theirs: they wait."""
    now = runtime.clock()
    of, fay, gus = existing(deployed.reads.event(EVENT_ID)), *(f"{one}{NEXT_ID[1:]}" for one in "89")
    for number, mail in ((fay, True), (gus, False)):
        person = registration(registration_id=number, name="", email=f"{number[0]}@example.net")
        made = register(
            deployed.store, person, now=now, mail=wait_notification(of, person, WaitMail.PLACE, now) if mail else None
        )
        assert isinstance(made, Registration)
        assert made.status is RegistrationStatus.WAITLISTED
    withdraw(deployed.store, EVENT_ID, gus, now=now)
    come_back(deployed.store, EVENT_ID, gus, now=now)
    for number in (fay, gus):
        deployed.ring(keys.registration(EVENT_ID, number))
        deployed.drain()
        mailed = existing(existing(deployed.reads.invitation(EVENT_ID, number)).wait_mail)
        assert mailed.without_id == WaitMailed(mail=WaitMail.PLACE, links=0)
        withdraw(deployed.store, EVENT_ID, number, now=now)


def test_no_role_may_do_what_its_function_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    policies.USED.clear()
    monkeypatch.setattr(answers, "LATEST", 1)
    with a_deployment(monkeypatch) as deployed:
        clock, caller = Clock(monkeypatch), World(deployed.client)
        listener = replace(LISTENER, events=tuple(WebhookEventType), payload=WebhookPayload.FULL)
        deployed.store.webhooks.create(listener)
        weekly = series.rule(WEEKLY, MORNING)
        create_event(deployed.store, event(rule=weekly, capacity=1, release_on_decline=True))
        register(deployed.store, registration(), now=NOW)
        authorizing(deployed)
        calling(caller)
        deployed.client.delete_item(TableName=deployed.settings.accounts_table, Key=dynamo.wire(keys.link_keys()))
        managing(deployed, clock, monkeypatch)
        without_keys_of_links(deployed)
        visiting(deployed, monkeypatch)
        without_keys_of_links(deployed)
        deployed.ring(PERSON)
        register(
            deployed.store,
            registration(registration_id=NEXT_ID, name="Ed", email="ed@example.net"),
            now=NOW,
        )
        answering(deployed)
        telling(deployed)
        telling_few(deployed, monkeypatch)
        waiting(deployed)
        giving_up(deployed, monkeypatch)
        importing(deployed)
        posting(deployed, monkeypatch)
        sweeping(deployed, caller, clock, monkeypatch)
        auditing(deployed, clock, monkeypatch)
        ready(deployed, monkeypatch)
        following(deployed)
    asked = {(f"{function}Role", *one) for function, some in policies.USED.items() for one in some}
    asked |= set(needed_by_lambda())
    unused = {
        (role, action, resource)
        for role, action, resource in granted()
        if not any(
            (role, action) == (who, what) and like(the_queue(resource), the_queue(which)) for who, what, which in asked
        )
    }
    assert sorted(unused) == []
