"""Items of DynamoDB to nouns of the model, and back. Absent stays absent: a ``None`` is never written."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..ledger import Acknowledged, Delivered, Fan, Intent, Invitation, Posted, Seats, Sending, Stopped
from ..model import (
    Conference,
    DateChange,
    DeliveryState,
    Duration,
    Event,
    EventStatus,
    HeardReply,
    Letter,
    Means,
    Method,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Reply,
    Schedule,
    Told,
    ToldDate,
    Wall,
    When,
)
from . import keys
from .keys import instant

Item = dict[str, Any]


def present(item: Mapping[str, Any]) -> Item:
    """The item without what is absent."""
    return {name: value for name, value in item.items() if value is not None}


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else moment(value)


def _instant(value: datetime | None) -> str | None:
    return None if value is None else instant(value)


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


# --- registrations table ------------------------------------------------------------------------------------------


def when_item(when: When) -> Item:
    later = isinstance(when.end, datetime) and when.end.fold == 1
    return present(
        {
            "start": when.start.isoformat(),
            "end": when.end.isoformat(),
            "time_zone": when.time_zone,
            # ISO 8601 has no way to say "the second time the clock shows this".
            "end_fold": True if later else None,
        }
    )


def when_of(item: Mapping[str, Any]) -> When:
    start, end = wall_of(item["start"]), wall_of(item["end"])
    if isinstance(end, datetime) and item.get("end_fold"):
        end = end.replace(fold=1)
    return When(start=start, end=end, time_zone=item.get("time_zone"))


def wall_of(text: str) -> Wall:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def walls(walls: tuple[Wall, ...] | None) -> list[str] | None:
    return None if walls is None else [wall.isoformat() for wall in walls]


def schedule_item(schedule: Schedule) -> Item:
    return present({"when": when_item(schedule.when), "rule": schedule.rule, "added": walls(schedule.added or None)})


def schedule_of(item: Mapping[str, Any]) -> Schedule:
    return Schedule(when=when_of(item["when"]), rule=item.get("rule"), added=tuple(map(wall_of, item.get("added", ()))))


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
        date=wall_of(item["date"]),
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
        capacity=_int(content.get("capacity")),
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
            "occurrences": walls(registration.occurrences),
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
        }
    )


def reply_of(item: Mapping[str, Any]) -> Reply:
    return Reply(
        status=Participation(item["status"]),
        sequence=int(item["sequence"]),
        dtstamp=moment(item["dtstamp"]),
        date=wall_of(item["date"]) if "date" in item else None,
    )


def heard_item(registration_id: str, heard: HeardReply, *, expires_at: datetime) -> Item:
    return {
        **keys.answer(registration_id, heard.reply),
        "reply": reply_item(heard.reply),
        "means": heard.means.value,
        "at": instant(heard.at),
        "expires_at": int(expires_at.timestamp()),
    }


def heard_of(item: Mapping[str, Any]) -> HeardReply:
    return HeardReply(reply=reply_of(item["reply"]), means=Means(item["means"]), at=moment(item["at"]))


def registration_of(item: Mapping[str, Any]) -> Registration:
    reply = item.get("reply")
    return Registration(
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        version=int(item["version"]),
        status=RegistrationStatus(item["status"]),
        # An erased registration has neither.
        name=item.get("name", ""),
        email=item.get("email", ""),
        language=item.get("language", "en"),
        occurrences=tuple(map(wall_of, item["occurrences"])) if "occurrences" in item else None,
        named=int(item.get("named", 0)),
        reply=reply_of(reply) if reply else None,
        date_replies=tuple(map(reply_of, item.get("date_replies", ()))),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
    )


# --- invitations table --------------------------------------------------------------------------------------------


def told_item(told: Told) -> Item:
    return present(
        {
            "uid": told.uid,
            "generation": told.generation,
            "sequence": told.sequence,
            "method": told.method.value,
            "dtstamp": instant(told.dtstamp),
            "date": told.date.isoformat() if told.date else None,
            "fingerprint": told.fingerprint,
            "title": told.title,
            **schedule_item(told.schedule),
            "location": told.location,
            "recipient": told.recipient,
            "organizer": told.organizer,
            "asked": told.asked,
            "whole": None if told.whole else False,
            "dates": [told_date_item(one) for one in told.dates] or None,
        }
    )


def told_date_item(one: ToldDate) -> Item:
    """Small, since there may be hundreds: what is not known, or is as for most, is left out."""
    return present(
        {
            "date": one.date.isoformat(),
            "cancelled": one.cancelled or None,
            "fingerprint": one.fingerprint or None,
            "title": one.title or None,
            "when": when_item(one.when) if one.when else None,
            "location": one.location or None,
            "asked": one.asked or None,
        }
    )


def told_date_of(item: Mapping[str, Any]) -> ToldDate:
    return ToldDate(
        date=wall_of(item["date"]),
        cancelled=bool(item.get("cancelled")),
        fingerprint=item.get("fingerprint", ""),
        title=item.get("title", ""),
        when=when_of(item["when"]) if "when" in item else None,
        location=item.get("location", ""),
        asked=int(item.get("asked", 0)),
    )


def told_of(item: Mapping[str, Any]) -> Told:
    schedule = schedule_of(item)
    return Told(
        uid=item["uid"],
        generation=int(item["generation"]),
        sequence=int(item["sequence"]),
        method=Method(item["method"]),
        dtstamp=moment(item["dtstamp"]),
        date=wall_of(item["date"]) if "date" in item else None,
        fingerprint=item["fingerprint"],
        title=item["title"],
        when=schedule.when,
        rule=schedule.rule,
        added=schedule.added,
        location=item["location"],
        recipient=item["recipient"],
        organizer=item["organizer"],
        asked=int(item["asked"]),
        whole=item.get("whole", True),
        dates=tuple(map(told_date_of, item.get("dates", ()))),
    )


def intent_item(intent: Intent) -> Item:
    return {
        "told": told_item(intent.told),
        "attempt": intent.attempt,
        "unknowns": intent.unknowns,
        "repair": intent.repair,
        "resend": intent.resend,
        "failed": intent.failed,
    }


def intent_of(item: Mapping[str, Any]) -> Intent:
    return Intent(
        told=told_of(item["told"]),
        attempt=item["attempt"],
        unknowns=int(item["unknowns"]),
        repair=int(item["repair"]),
        resend=int(item["resend"]),
        failed=bool(item["failed"]),
    )


def acknowledged_item(acknowledged: Acknowledged) -> Item:
    return {
        "told": told_item(acknowledged.told),
        "ses_id": acknowledged.ses_id,
        "at": instant(acknowledged.at),
        "repair": acknowledged.repair,
        "resend": acknowledged.resend,
    }


def acknowledged_of(item: Mapping[str, Any]) -> Acknowledged:
    return Acknowledged(
        told=told_of(item["told"]),
        ses_id=item["ses_id"],
        at=moment(item["at"]),
        repair=int(item["repair"]),
        resend=int(item["resend"]),
    )


def stopped_items(stopped: tuple[Stopped, ...]) -> list[Item] | None:
    return [{"address": stop.address, "state": stop.state.value} for stop in stopped] or None


def delivered_items(delivered: tuple[Delivered, ...]) -> list[Item] | None:
    return [
        present(
            {
                "generation": one.generation,
                "method": one.method.value,
                "at": instant(one.at),
                "sequence": one.sequence,
                "date": one.date.isoformat() if one.date else None,
            }
        )
        for one in delivered
    ] or None


def delivered_of(item: Mapping[str, Any]) -> Delivered:
    return Delivered(
        generation=int(item["generation"]),
        method=Method(item["method"]),
        at=moment(item["at"]),
        sequence=int(item.get("sequence", 0)),
        date=wall_of(item["date"]) if "date" in item else None,
    )


def invitation_item(invitation: Invitation) -> Item:
    intent, acknowledged = invitation.intent, invitation.acknowledged
    return present(
        {
            **keys.registration(invitation.event_id, invitation.registration_id),
            "event_id": invitation.event_id,
            "registration_id": invitation.registration_id,
            "generation": invitation.generation,
            "poke": invitation.poke,
            "repair": invitation.repair,
            "resend": invitation.resend,
            "fence": invitation.fence,
            "allocated": invitation.allocated,
            "exposed": invitation.exposed,
            "heard": told_item(invitation.heard) if invitation.heard else None,
            "intent": intent_item(intent) if intent else None,
            "acknowledged": acknowledged_item(acknowledged) if acknowledged else None,
            "lease_until": _instant(invitation.lease_until),
            "attempts": invitation.attempts,
            "state": invitation.state.value,
            "stopped": stopped_items(invitation.stopped),
            "delivered": delivered_items(invitation.delivered),
            **owed_attributes(invitation.registration_id, invitation.owed_at),
        }
    )


def owed_attributes(identifier: str, owed_at: str | None, standing: str | None = None) -> Item:
    """The attributes that put an item into the owed index, in the place of what stood there; none for nothing owed."""
    if owed_at is None:
        return {}
    return {"owed_shard": keys.shard(identifier), "owed_at": keys.still_owed(owed_at, standing)}


def invitation_of(item: Mapping[str, Any]) -> Invitation:
    intent, acknowledged = item.get("intent"), item.get("acknowledged")
    return Invitation(
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        generation=int(item["generation"]),
        poke=int(item["poke"]),
        repair=int(item["repair"]),
        resend=int(item["resend"]),
        fence=int(item["fence"]),
        allocated=int(item["allocated"]),
        exposed=_int(item.get("exposed")),
        heard=told_of(item["heard"]) if "heard" in item else None,
        intent=intent_of(intent) if intent else None,
        acknowledged=acknowledged_of(acknowledged) if acknowledged else None,
        lease_until=_moment(item.get("lease_until")),
        attempts=int(item["attempts"]),
        state=DeliveryState(item["state"]),
        stopped=tuple(
            Stopped(address=stop["address"], state=DeliveryState(stop["state"])) for stop in item.get("stopped", ())
        ),
        delivered=tuple(map(delivered_of, item.get("delivered", ()))),
        owed_at=item.get("owed_at"),
    )


def posted_item(posted: Posted) -> Item:
    letter = posted.letter
    return present(
        {
            **keys.message(posted.registration_id, posted.told.sequence),
            "registration_id": posted.registration_id,
            "event_id": posted.event_id,
            "told": told_item(posted.told),
            "calendar": letter.calendar if letter else None,
            "mail": zlib.compress(letter.mail) if letter else None,
            "written_at": instant(posted.written_at),
            "sent_at": _instant(posted.sent_at),
            "ses_id": posted.ses_id,
            "state": posted.state.value,
            "expires_at": int(posted.expires_at.timestamp()) if posted.expires_at else None,
        }
    )


def posted_of(item: Mapping[str, Any]) -> Posted:
    return Posted(
        registration_id=item["registration_id"],
        event_id=item["event_id"],
        told=told_of(item["told"]),
        # Erased with the person whom it was written to.
        letter=Letter(calendar=item["calendar"], mail=zlib.decompress(item["mail"])) if "mail" in item else None,
        written_at=moment(item["written_at"]),
        sent_at=_moment(item.get("sent_at")),
        ses_id=item["ses_id"],
        state=DeliveryState(item["state"]),
    )


def fan_item(fan: Fan, *, owed_at: str) -> Item:
    return {
        **keys.fan(fan.event_id),
        "event_id": fan.event_id,
        "version": fan.version,
        "cursor": fan.cursor,
        **owed_attributes(fan.event_id, owed_at),
    }


def fan_of(item: Mapping[str, Any]) -> Fan:
    return Fan(
        event_id=item["event_id"],
        version=int(item["version"]),
        cursor=item["cursor"],
        priority=int(item["owed_at"][0]),
    )


def seats_item(event_id: str, seats: Seats) -> Item:
    return present(
        {
            **keys.seats(event_id),
            "event_id": event_id,
            "open": seats.open,
            "capacity": seats.capacity,
            "taken": seats.taken,
            "waiting": seats.waiting,
        }
    )


def seats_of(item: Mapping[str, Any]) -> Seats:
    return Seats(
        open=bool(item["open"]),
        capacity=_int(item.get("capacity")),
        taken=int(item["taken"]),
        waiting=int(item["waiting"]),
    )


def sending_of(item: Mapping[str, Any] | None) -> Sending:
    if item is None:
        return Sending()
    return Sending(
        stopped_until=_moment(item.get("stopped_until")),
        reason=item.get("reason", ""),
        reserved_until=_moment(item.get("reserved_until")),
    )
