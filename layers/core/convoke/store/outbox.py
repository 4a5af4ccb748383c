"""The outbox: webhook events, written in the transaction of the change that they report."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from cattrs.gen import override

from ..model import Event, Registration, RegistrationStatus, frozen
from ..webhooks.contents import event_fields, registration_fields
from ..webhooks.events import PRIORITY, WebhookEvent, WebhookEventType
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Page, Repository
from .webhooks import Subscriptions, Webhooks
from .writes import DUE, Action, put, update

KEPT = timedelta(days=30)
"""How long a webhook event and its deliveries are kept."""
UNSETTLED = timedelta(minutes=2)
"""For how long a transaction may still store an event with an earlier id: longer than any function runs."""


@frozen
class About:
    """What a webhook event says: ``data`` is JSON of ids and states, without names and addresses; ``event`` or
    ``registration`` is what it is about, as it is stored with it, and what is said in full.
    """

    data: Mapping[str, Any]
    event: Event | None = None
    registration: Registration | None = None


class Outbox(Repository):
    def event_actions(
        self,
        account: str,
        happened: Mapping[WebhookEventType, About],
        now: datetime,
        *,
        wanted: Subscriptions | None = None,
    ) -> dict[str, Action]:
        """The actions, by name, that add webhook events to a transaction: of those types that a webhook subscribes to.
        What such an event says in full is stored beside it where a webhook wants that.

        A transaction has at most one of a type. ``wanted`` are those types, where the caller has read them.
        """
        if not account or not happened:
            return {}
        if wanted is None:
            wanted = Webhooks(self.client, self.settings).subscriptions(account)
        actions: dict[str, Action] = {}
        for what, told in happened.items():
            if what not in wanted.types:
                continue
            event = new_event(account, what, told.data, now)
            actions[f"webhook event {what}"] = put(self._hooks, webhook_event_item(event, due_at=now))
            content = self._content(told) if what in wanted.full else {}
            if content:
                item = {**_content_key(event), "content": json.dumps(content), "expires_at": codec.epoch(now + KEPT)}
                actions[f"webhook content {what}"] = put(self._hooks, item)
        return actions

    def _content(self, told: About) -> dict[str, Any]:
        """What is said in full. A registration that the caller does not change, and has not read, is read."""
        if told.event is not None:
            return {"event": event_fields(told.event)}
        ids = told.data.get("event_id", ""), told.data.get("registration_id", "")
        person = told.registration
        if person is None and all(ids):
            person = self._get(Registration, self._people, keys.registration(*ids))
        return {} if person is None else {"registration": registration_fields(person)}

    def read(self, account: str, webhook_event_id: str) -> WebhookEvent | None:
        return self._get(WebhookEvent, self._hooks, keys.webhook_event(account, webhook_event_id))

    def content(self, event: WebhookEvent) -> dict[str, Any]:
        """What a webhook event says in full: empty if it was erased, or was never stored."""
        item = self._item(self._hooks, _content_key(event))
        return {} if item is None else dict(json.loads(item["content"]))

    def forget(self, registration_id: str) -> None:
        """Delete what webhook events say of a person in full."""
        self._delete_all(self._hooks, keys.webhook_content(registration_id, ""))

    def list_events(self, account: str, after: str, now: datetime, limit: int) -> Page:
        """A page of the account's webhook events after the id ``after``, in the order of their ids; ``next`` is an id.

        The last :data:`UNSETTLED` are left out: what a slower writer began earlier could still get in before them.
        """
        first, last = (
            keys.webhook_event(account, after),
            keys.webhook_event(account, keys.registration_id(now - UNSETTLED, bytes(16))),
        )
        if first["sk"] >= last["sk"]:
            return Page(items=(), next=None)  # DynamoDB refuses a BETWEEN of such a range
        events = self._all(WebhookEvent, dynamo.between(self._hooks, first, last, start=not after))
        found = list(islice((event for event in events if event.type is not WebhookEventType.TEST), limit + 1))
        page = tuple(found[:limit])
        return Page(items=page, next=page[-1].webhook_event_id if len(found) > limit else None)

    def mark_distributed(self, account: str, webhook_event_id: str) -> None:
        """Record that each subscribed webhook has its own delivery of the event: the event itself is not due any
        more.
        """
        key = keys.webhook_event(account, webhook_event_id)
        self._write(update(self._hooks, key, {}, conditions.EXISTS, remove=DUE))


def new_event(account: str, what: WebhookEventType, data: Mapping[str, Any], now: datetime) -> WebhookEvent:
    """A webhook event under a new id, which begins with the time."""
    webhook_event_id = keys.registration_id(now, secrets.token_bytes(16))
    return WebhookEvent(webhook_event_id=webhook_event_id, account=account, type=what, data=data, created_at=now)


def _content_key(event: WebhookEvent) -> keys.Key:
    about = event.data.get("registration_id") or event.data.get("event_id") or ""
    return keys.webhook_content(about, event.webhook_event_id)


def about_event(event: Event) -> About:
    """What is sent of an event: id, status and version, and the caller's own id and metadata."""
    data = {"event_id": event.event_id, "status": event.status.value, "version": event.version, **_own_data(event)}
    return About(data=data, event=event)


def about_registration(person: Registration, **more: Any) -> About:
    """What is sent of a registration: ids, status and version; the caller's own id and metadata, where it has them; and
    ``more``.
    """
    data = {
        "event_id": person.event_id,
        "registration_id": person.registration_id,
        "status": person.status.value,
        "version": person.version,
        **_own_data(person),
        **more,
    }
    return About(data=data, registration=person)


WITHOUT_SEAT = {
    RegistrationStatus.WAITLISTED: WebhookEventType.REGISTRATION_WAITLISTED,
    RegistrationStatus.PENDING: WebhookEventType.REGISTRATION_PENDING,
}


def placed(what: WebhookEventType, person: Registration) -> dict[WebhookEventType, About]:
    """What is sent of somebody who was given a place: ``what``, and if it is no seat, that they wait or are pending."""
    about = about_registration(person)
    return {what: about, **({WITHOUT_SEAT[person.status]: about} if person.status in WITHOUT_SEAT else {})}


def webhook_event_item(event: WebhookEvent, *, due_at: datetime) -> Item:
    """The item of an event, to be distributed from ``due_at`` (UTC) on."""
    due = codec.due_attributes(event.webhook_event_id, keys.due_key(PRIORITY, due_at))
    expires_at = codec.epoch(event.created_at + KEPT)
    return codec.item(event, keys.webhook_event(event.account, event.webhook_event_id), expires_at=expires_at, **due)


def _own_data(what: Event | Registration) -> dict[str, Any]:
    """The caller's own id and metadata, where there are any."""
    own = {"external_id": what.external_id, "metadata": dict(what.metadata)}
    return {name: value for name, value in own.items() if value}


def _json(value: Any) -> Any:
    """A value as JSON has it: numbers come from DynamoDB as ``Decimal``, and are all whole."""
    return value if isinstance(value, (str, bool, dict, type(None))) else int(value)


codec.record(
    WebhookEvent,
    data=override(unstruct_hook=dict, struct_hook=lambda data, _: {name: _json(value) for name, value in data.items()}),
)
