"""Items of the registrations table: events and registrations; and replies, which are also kept as a history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...model import (
    AnswerChannel,
    Conference,
    DateChange,
    Duration,
    Event,
    EventStatus,
    Participation,
    Person,
    ReceivedReply,
    Registration,
    RegistrationStatus,
    Reply,
)
from .. import keys
from ..keys import instant
from .values import (
    Item,
    instant_or_none,
    int_or_none,
    local_time_of,
    local_times,
    moment,
    moment_or_none,
    present,
    schedule_item,
    schedule_of,
    when_item,
    when_of,
)


def change_item(change: DateChange) -> Item:
    return present(
        {
            "date": change.date.isoformat(),
            "cancelled": change.cancelled or None,
            "reason": change.reason or None,
            "when": when_item(change.when) if change.when else None,
            "title": change.title,
            "location": change.location,
            "description": change.description,
        }
    )


def change_of(item: Mapping[str, Any]) -> DateChange:
    return DateChange(
        date=local_time_of(item["date"]),
        cancelled=bool(item.get("cancelled")),
        reason=item.get("reason", ""),
        when=when_of(item["when"]) if "when" in item else None,
        title=item.get("title"),
        location=item.get("location"),
        description=item.get("description"),
    )


def event_item(event: Event) -> Item:
    conference = event.conference
    return present(
        {
            **keys.event(event.event_id),
            "event_id": event.event_id,
            "account": event.account,
            "version": event.version,
            "status": event.status.value,
            "created_at": instant(event.created_at),
            "updated_at": instant(event.updated_at),
            "reason": event.reason or None,
            "content": present(
                {
                    "title": event.title,
                    **schedule_item(event.schedule),
                    "changes": [change_item(change) for change in event.changes] or None,
                    "earlier": [schedule_item(schedule) for schedule in event.earlier] or None,
                    "organizer": {"name": event.organizer.name, "email": event.organizer.email},
                    "description": event.description,
                    "location": event.location,
                    "url": event.url,
                    "conference": {"uri": conference.uri, "label": conference.label} if conference else None,
                    "reminders": [str(reminder) for reminder in event.reminders],
                    "capacity": event.capacity,
                    "release_on_decline": event.release_on_decline or None,
                }
            ),
        }
    )


def event_of(item: Mapping[str, Any]) -> Event:
    content = item["content"]
    conference, schedule = content.get("conference"), schedule_of(content)
    return Event(
        event_id=item["event_id"],
        account=item["account"],
        version=int(item["version"]),
        status=EventStatus(item["status"]),
        title=content["title"],
        when=schedule.when,
        rule=schedule.rule,
        added=schedule.added,
        changes=tuple(map(change_of, content.get("changes", ()))),
        earlier=tuple(map(schedule_of, content.get("earlier", ()))),
        organizer=Person(**content["organizer"]),
        description=content["description"],
        location=content["location"],
        url=content["url"],
        conference=Conference(**conference) if conference else None,
        reminders=tuple(Duration.parse(reminder) for reminder in content["reminders"]),
        capacity=int_or_none(content.get("capacity")),
        release_on_decline=bool(content.get("release_on_decline")),
        reason=item.get("reason", ""),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
    )


def registration_item(registration: Registration) -> Item:
    reply = registration.reply
    return present(
        {
            **keys.registration(registration.event_id, registration.registration_id),
            "event_id": registration.event_id,
            "registration_id": registration.registration_id,
            "version": registration.version,
            "status": registration.status.value,
            "name": registration.name,
            "email": registration.email,
            "language": registration.language,
            "occurrences": local_times(registration.occurrences),
            "named": registration.named or None,
            "reply": reply_item(reply) if reply else None,
            "date_replies": [reply_item(one) for one in registration.date_replies] or None,
            "created_at": instant(registration.created_at),
            "updated_at": instant(registration.updated_at),
        }
    )


def reply_item(reply: Reply) -> Item:
    return present(
        {
            "status": reply.status.value,
            "sequence": reply.sequence,
            "dtstamp": instant(reply.dtstamp),
            "date": reply.date.isoformat() if reply.date else None,
            "received_at": instant_or_none(reply.received_at),
        }
    )


def reply_of(item: Mapping[str, Any]) -> Reply:
    return Reply(
        status=Participation(item["status"]),
        sequence=int(item["sequence"]),
        dtstamp=moment(item["dtstamp"]),
        date=local_time_of(item["date"]) if "date" in item else None,
        received_at=moment_or_none(item.get("received_at")),
    )


def received_reply_item(registration_id: str, received: ReceivedReply, *, expires_at: datetime) -> Item:
    return {
        **keys.answer(registration_id, received.reply),
        "reply": reply_item(received.reply),
        "means": received.channel.value,
        "at": instant(received.at),
        "expires_at": int(expires_at.timestamp()),
    }


def received_reply_of(item: Mapping[str, Any]) -> ReceivedReply:
    return ReceivedReply(reply=reply_of(item["reply"]), channel=AnswerChannel(item["means"]), at=moment(item["at"]))


def registration_of(item: Mapping[str, Any]) -> Registration:
    reply = item.get("reply")
    return Registration(
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        version=int(item["version"]),
        status=RegistrationStatus(item["status"]),
        # An erased registration has neither name nor address.
        name=item.get("name", ""),
        email=item.get("email", ""),
        language=item.get("language", "en"),
        occurrences=tuple(map(local_time_of, item["occurrences"])) if "occurrences" in item else None,
        named=int(item.get("named", 0)),
        reply=reply_of(reply) if reply else None,
        date_replies=tuple(map(reply_of, item.get("date_replies", ()))),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
    )
