"""Items of the invitations table: calendar states, intents, invitations, stored messages, fan-outs, seats, the
switch.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...decision.calendar_state import CalendarState, OccurrenceState, RenderedMail
from ...decision.invitation import (
    Acknowledged,
    Batch,
    Delivered,
    FanOut,
    Intent,
    Invitation,
    Seats,
    Sending,
    Stopped,
    StoredMessage,
)
from ...model import DeliveryState, Method
from .. import keys
from ..keys import instant
from .values import (
    Item,
    instant_or_none,
    int_or_none,
    local_time_of,
    moment,
    moment_or_none,
    present,
    schedule_item,
    schedule_of,
    when_item,
    when_of,
)


def calendar_state_item(calendar_state: CalendarState) -> Item:
    return present(
        {
            "uid": calendar_state.uid,
            "generation": calendar_state.generation,
            "sequence": calendar_state.sequence,
            "method": calendar_state.method.value,
            "dtstamp": instant(calendar_state.dtstamp),
            "date": calendar_state.date.isoformat() if calendar_state.date else None,
            "separate": calendar_state.separate or None,
            "fingerprint": calendar_state.fingerprint,
            "title": calendar_state.title,
            **schedule_item(calendar_state.schedule),
            "location": calendar_state.location,
            "recipient": calendar_state.recipient,
            "organizer": calendar_state.organizer,
            "asked": calendar_state.asked,
            "whole": None if calendar_state.whole else False,
            "first": calendar_state.first.isoformat() if calendar_state.first else None,
            "spent": calendar_state.spent or None,
            "revision": calendar_state.revision,
            "dates": _packed([occurrence_state_item(one) for one in calendar_state.dates])
            if calendar_state.dates
            else None,
        }
    )


def _packed(value: object) -> bytes:
    """JSON, compressed with zlib. One item may hold three lists of hundreds of occurrences, and has at most 400 KB."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def occurrence_state_item(one: OccurrenceState) -> Item:
    """Kept small: what is unknown, or has its usual value, is left out."""
    return present(
        {
            "date": one.date.isoformat(),
            "cancelled": one.cancelled or None,
            "fingerprint": one.fingerprint or None,
            "title": one.title or None,
            "when": when_item(one.when) if one.when else None,
            "location": one.location or None,
            "asked": one.asked or None,
            "separate": one.separate or None,
            "certain": None if one.certain else False,
        }
    )


def occurrence_state_of(item: Mapping[str, Any]) -> OccurrenceState:
    return OccurrenceState(
        date=local_time_of(item["date"]),
        cancelled=bool(item.get("cancelled")),
        fingerprint=item.get("fingerprint", ""),
        title=item.get("title", ""),
        when=when_of(item["when"]) if "when" in item else None,
        location=item.get("location", ""),
        asked=int(item.get("asked", 0)),
        separate=item.get("separate", ""),
        certain=item.get("certain", True),
    )


def calendar_state_of(item: Mapping[str, Any]) -> CalendarState:
    schedule = schedule_of(item)
    return CalendarState(
        uid=item["uid"],
        generation=int(item["generation"]),
        sequence=int(item["sequence"]),
        method=Method(item["method"]),
        dtstamp=moment(item["dtstamp"]),
        date=local_time_of(item["date"]) if "date" in item else None,
        separate=item.get("separate", ""),
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
        first=local_time_of(item["first"]) if "first" in item else None,
        spent=item.get("spent", False),
        revision=int_or_none(item.get("revision")),
        dates=tuple(map(occurrence_state_of, json.loads(zlib.decompress(item["dates"])))) if "dates" in item else (),
    )


def intent_item(intent: Intent) -> Item:
    return {
        "calendar_state": calendar_state_item(intent.calendar_state),
        "attempt": intent.attempt,
        "unknowns": intent.unknowns,
        "repair": intent.repair,
        "resend": intent.resend,
        "failed": intent.failed,
    }


def intent_of(item: Mapping[str, Any]) -> Intent:
    return Intent(
        calendar_state=calendar_state_of(item["calendar_state"]),
        attempt=item["attempt"],
        unknowns=int(item["unknowns"]),
        repair=int(item["repair"]),
        resend=int(item["resend"]),
        failed=bool(item["failed"]),
    )


def acknowledged_item(acknowledged: Acknowledged) -> Item:
    return {
        "calendar_state": calendar_state_item(acknowledged.calendar_state),
        "ses_id": acknowledged.ses_id,
        "at": instant(acknowledged.at),
        "repair": acknowledged.repair,
        "resend": acknowledged.resend,
    }


def acknowledged_of(item: Mapping[str, Any]) -> Acknowledged:
    return Acknowledged(
        calendar_state=calendar_state_of(item["calendar_state"]),
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
                "separate": one.separate or None,
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
        date=local_time_of(item["date"]) if "date" in item else None,
        separate=item.get("separate", ""),
    )


def invitation_item(invitation: Invitation) -> Item:
    intent, acknowledged = invitation.intent, invitation.acknowledged
    return present(
        {
            **keys.registration(invitation.event_id, invitation.registration_id),
            "event_id": invitation.event_id,
            "registration_id": invitation.registration_id,
            "generation": invitation.generation,
            "wakeups": invitation.wakeups,
            "repair": invitation.repair,
            "resend": invitation.resend,
            "fence": invitation.fence,
            "allocated": invitation.allocated,
            "highest_possibly_sent": invitation.highest_possibly_sent,
            "possibly_sent": calendar_state_item(invitation.possibly_sent) if invitation.possibly_sent else None,
            "intent": intent_item(intent) if intent else None,
            "acknowledged": acknowledged_item(acknowledged) if acknowledged else None,
            "lease_until": instant_or_none(invitation.lease_until),
            "attempts": invitation.attempts,
            "state": invitation.state.value,
            "reason": invitation.reason or None,
            "stopped": stopped_items(invitation.stopped),
            "delivered": delivered_items(invitation.delivered),
            **due_attributes(invitation.registration_id, invitation.due_key),
        }
    )


def due_attributes(identifier: str, due_key: str | None, existing: str | None = None) -> Item:
    """The attributes that put an item into the index of due items, in the place of the due key ``existing``; none where
    ``due_key`` is ``None``.
    """
    if due_key is None:
        return {}
    return {"due_shard": keys.shard(identifier), "due_key": keys.keep_due_since(due_key, existing)}


def invitation_of(item: Mapping[str, Any]) -> Invitation:
    intent, acknowledged = item.get("intent"), item.get("acknowledged")
    return Invitation(
        event_id=item["event_id"],
        registration_id=item["registration_id"],
        generation=int(item["generation"]),
        wakeups=int(item["wakeups"]),
        repair=int(item["repair"]),
        resend=int(item["resend"]),
        fence=int(item["fence"]),
        allocated=int(item["allocated"]),
        highest_possibly_sent=int_or_none(item.get("highest_possibly_sent")),
        possibly_sent=calendar_state_of(item["possibly_sent"]) if "possibly_sent" in item else None,
        intent=intent_of(intent) if intent else None,
        acknowledged=acknowledged_of(acknowledged) if acknowledged else None,
        lease_until=moment_or_none(item.get("lease_until")),
        attempts=int(item["attempts"]),
        state=DeliveryState(item["state"]),
        reason=item.get("reason", ""),
        stopped=tuple(
            Stopped(address=stop["address"], state=DeliveryState(stop["state"])) for stop in item.get("stopped", ())
        ),
        delivered=tuple(map(delivered_of, item.get("delivered", ()))),
        due_key=item.get("due_key"),
    )


def stored_message_item(stored: StoredMessage) -> Item:
    rendered = stored.rendered
    return present(
        {
            **keys.message(stored.registration_id, stored.calendar_state.sequence),
            "registration_id": stored.registration_id,
            "event_id": stored.event_id,
            # Of the other occurrences, only the invitation has the state.
            "calendar_state": calendar_state_item(replace(stored.calendar_state, dates=_about(stored.calendar_state))),
            "calendar": rendered.calendar if rendered else None,
            "mail": zlib.compress(rendered.mail) if rendered else None,
            "unwritten": None if rendered else True,
            "written_at": instant(stored.written_at),
            "sent_at": instant_or_none(stored.sent_at),
            "ses_id": stored.ses_id,
            "state": stored.state.value,
            "reason": stored.reason or None,
            "expires_at": int(stored.expires_at.timestamp()) if stored.expires_at else None,
        }
    )


def _about(calendar_state: CalendarState) -> tuple[OccurrenceState, ...]:
    """The state of the one occurrence that the message is about; none where it is about the whole event."""
    about = (calendar_state.date, calendar_state.separate)
    return tuple(one for one in calendar_state.dates if (one.date, one.separate) == about)


def stored_message_of(item: Mapping[str, Any]) -> StoredMessage:
    return StoredMessage(
        registration_id=item["registration_id"],
        event_id=item["event_id"],
        calendar_state=calendar_state_of(item["calendar_state"]),
        # Absent after the person was erased, or where the bytes could not be stored.
        rendered=RenderedMail(calendar=item["calendar"], mail=zlib.decompress(item["mail"]))
        if "mail" in item
        else None,
        written_at=moment(item["written_at"]),
        sent_at=moment_or_none(item.get("sent_at")),
        ses_id=item["ses_id"],
        state=DeliveryState(item["state"]),
        reason=item.get("reason", ""),
    )


def fan_out_item(fan_out: FanOut, *, due_key: str) -> Item:
    return {
        **keys.fan_out(fan_out.event_id),
        "event_id": fan_out.event_id,
        "version": fan_out.version,
        "planned_to": fan_out.planned_to,
        "priority": fan_out.priority,
        "people": fan_out.people,
        "left": fan_out.left,
        **due_attributes(fan_out.event_id, due_key),
    }


def fan_out_of(item: Mapping[str, Any]) -> FanOut:
    return FanOut(
        event_id=item["event_id"],
        version=int(item["version"]),
        planned_to=item["planned_to"],
        priority=int(item["priority"]),
        planning="due_key" in item,
        people=int(item["people"]),
        left=int(item["left"]),
    )


def batch_item(batch: Batch, *, due_key: str) -> Item:
    return present(
        {
            **keys.batch(batch.event_id, batch.version, batch.first),
            "event_id": batch.event_id,
            "version": batch.version,
            "first": batch.first,
            "through": batch.through,
            "after": batch.after,
            "priority": batch.priority,
            "lease_until": instant_or_none(batch.lease_until),
            **due_attributes(batch.first or batch.event_id, due_key),
        }
    )


def batch_of(item: Mapping[str, Any]) -> Batch:
    return Batch(
        event_id=item["event_id"],
        version=int(item["version"]),
        first=item["first"],
        through=item["through"],
        after=item["after"],
        priority=int(item["priority"]),
        lease_until=moment_or_none(item.get("lease_until")),
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
        capacity=int_or_none(item.get("capacity")),
        taken=int(item["taken"]),
        waiting=int(item["waiting"]),
    )


def sending_of(item: Mapping[str, Any] | None) -> Sending:
    if item is None:
        return Sending()
    return Sending(
        stopped_until=moment_or_none(item.get("stopped_until")),
        reason=item.get("reason", ""),
        reserved_until=moment_or_none(item.get("reserved_until")),
        rate=float(item["rate"]) if "rate" in item else None,
        slowed_at=moment_or_none(item.get("slowed_at")),
        slowed_to=float(item.get("slowed_to", 1)),
    )
