"""The queues: hints as messages in JSON, and the requests to SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..effects import (
    BatchHint,
    Enqueue,
    EnqueueAll,
    Hint,
    ImportHint,
    NotificationHint,
    PlanHint,
    RegistrationHint,
    SurveyHint,
    WebhookHint,
)
from ..settings import Settings

HINTS_IN_A_REQUEST = 10
"""How many messages SQS takes in one request."""


def enqueue(client: Any, settings: Settings, effect: Enqueue) -> None:
    more: Mapping[str, str] = {}
    if isinstance(effect.hint, WebhookHint) and effect.hint.webhook_id:
        # SQS lets a webhook with many hints wait, not the others (a fair queue).
        more = {"MessageGroupId": effect.hint.webhook_id}
    client.send_message(
        QueueUrl=_queue_of(settings, effect.hint, urgent=effect.urgent),
        MessageBody=json.dumps(hint_body(effect.hint)),
        DelaySeconds=effect.delay_seconds,
        **more,
    )


def enqueue_all(client: Any, settings: Settings, effect: EnqueueAll) -> None:
    """A hint that SQS does not take is left to the sweep, which finds what it is about."""
    queues: dict[str, list[Hint]] = {}
    for hint in effect.hints:
        queues.setdefault(_queue_of(settings, hint, urgent=effect.urgent), []).append(hint)
    for queue, hints in queues.items():
        for first in range(0, len(hints), HINTS_IN_A_REQUEST):
            bodies = enumerate(map(hint_body, hints[first : first + HINTS_IN_A_REQUEST]))
            client.send_message_batch(
                QueueUrl=queue,
                Entries=[{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in bodies],
            )


def backlog(client: Any, settings: Settings, *, urgent: bool) -> int:
    """How many hints are in the urgent or the ordinary queue, approximately."""
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    answer = client.get_queue_attributes(QueueUrl=_queue(settings, urgent=urgent), AttributeNames=list(waiting))
    return sum(int(answer["Attributes"][name]) for name in waiting)


def _queue_of(settings: Settings, hint: Hint, *, urgent: bool) -> str:
    match hint:
        case WebhookHint():
            return settings.hooks_queue
        case ImportHint():
            return settings.imports_queue
    return _queue(settings, urgent=urgent)


def _queue(settings: Settings, *, urgent: bool) -> str:
    return settings.urgent_queue if urgent else settings.ordinary_queue


def hint_body(hint: Hint) -> dict[str, Any]:
    """A hint as the JSON object of a queue message: ids, counts and times only, no personal data."""
    match hint:
        case PlanHint(event_id=event_id):
            return {"event": event_id, "plan": True}
        case BatchHint(event_id=event_id, version=version, first=first):
            return {"event": event_id, "version": version, "first": first}
        case RegistrationHint(event_id=event_id, registration_id=registration_id):
            return {"event": event_id, "registration": registration_id}
        case SurveyHint(event_id=event_id, after=after, wakeups=wakeups, again=again):
            return {
                "event": event_id,
                "survey": after,
                "wakeups": wakeups,
                "again": again.isoformat() if again else None,
            }
        case ImportHint(event_id=event_id, import_id=import_id):
            return {"event": event_id, "import": import_id}
        case WebhookHint(webhook_event_id=webhook_event_id, webhook_id=webhook_id, account=account):
            whose = {"webhook": webhook_id} if webhook_id else {"account": account}
            return {"webhook_event": webhook_event_id, **whose}
        case NotificationHint(event_id=event_id, registration_id=registration_id, notification_id=notification_id):
            return {"event": event_id, "registration": registration_id, "notification": notification_id}


def hint_of(body: str) -> Hint:
    """The hint that :func:`hint_body` wrote, from the JSON text of a queue message.

    Raises :class:`KeyError` or :class:`ValueError` for anything else.
    """
    hint = json.loads(body)
    if "webhook_event" in hint:
        return WebhookHint(
            webhook_event_id=hint["webhook_event"], webhook_id=hint.get("webhook", ""), account=hint.get("account", "")
        )
    if "import" in hint:
        return ImportHint(event_id=hint["event"], import_id=hint["import"])
    if "survey" in hint:
        again = datetime.fromisoformat(hint["again"]) if hint["again"] else None
        return SurveyHint(event_id=hint["event"], after=hint["survey"], wakeups=int(hint["wakeups"]), again=again)
    if "notification" in hint:
        return NotificationHint(
            event_id=hint["event"], registration_id=hint["registration"], notification_id=hint["notification"]
        )
    if "registration" in hint:
        return RegistrationHint(event_id=hint["event"], registration_id=hint["registration"])
    if "plan" in hint:
        return PlanHint(event_id=hint["event"])
    return BatchHint(event_id=hint["event"], version=int(hint["version"]), first=hint["first"])
