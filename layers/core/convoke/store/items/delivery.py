"""What was said and what is owed: the items of the invitations table."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...ledger import Acknowledged, Delivered, Fan, Intent, Invitation, Posted, Seats, Sending, Stopped
from ...model import (
    DeliveryState,
    Method,
)
from ...told import Letter, Told, ToldDate
from .. import keys
from ..keys import instant
from .values import (
    Item,
    instant_or_none,
    int_or_none,
    moment,
    moment_or_none,
    present,
    schedule_item,
    schedule_of,
    wall_of,
    when_item,
    when_of,
)


def told_item(told: Told) -> Item:
    return present(
        {
            "uid": told.uid,
            "generation": told.generation,
            "sequence": told.sequence,
            "method": told.method.value,
            "dtstamp": instant(told.dtstamp),
            "date": told.date.isoformat() if told.date else None,
            "separate": told.separate or None,
            "fingerprint": told.fingerprint,
            "title": told.title,
            **schedule_item(told.schedule),
            "location": told.location,
            "recipient": told.recipient,
            "organizer": told.organizer,
            "asked": told.asked,
            "whole": None if told.whole else False,
            "first": told.first.isoformat() if told.first else None,
            "spent": told.spent or None,
            "revision": told.revision,
            "dates": _packed([told_date_item(one) for one in told.dates]) if told.dates else None,
        }
    )


def _packed(value: object) -> bytes:
    """There may be hundreds, three times in one item, and an item has at most 400 KB."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def told_date_item(one: ToldDate) -> Item:
    """Small: what is not known, or is as for most, is left out."""
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


def told_date_of(item: Mapping[str, Any]) -> ToldDate:
    return ToldDate(
        date=wall_of(item["date"]),
        cancelled=bool(item.get("cancelled")),
        fingerprint=item.get("fingerprint", ""),
        title=item.get("title", ""),
        when=when_of(item["when"]) if "when" in item else None,
        location=item.get("location", ""),
        asked=int(item.get("asked", 0)),
        separate=item.get("separate", ""),
        certain=item.get("certain", True),
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
        first=wall_of(item["first"]) if "first" in item else None,
        spent=item.get("spent", False),
        revision=int_or_none(item.get("revision")),
        dates=tuple(map(told_date_of, json.loads(zlib.decompress(item["dates"])))) if "dates" in item else (),
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
        date=wall_of(item["date"]) if "date" in item else None,
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
            "poke": invitation.poke,
            "repair": invitation.repair,
            "resend": invitation.resend,
            "fence": invitation.fence,
            "allocated": invitation.allocated,
            "exposed": invitation.exposed,
            "heard": told_item(invitation.heard) if invitation.heard else None,
            "intent": intent_item(intent) if intent else None,
            "acknowledged": acknowledged_item(acknowledged) if acknowledged else None,
            "lease_until": instant_or_none(invitation.lease_until),
            "attempts": invitation.attempts,
            "state": invitation.state.value,
            "reason": invitation.reason or None,
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
        exposed=int_or_none(item.get("exposed")),
        heard=told_of(item["heard"]) if "heard" in item else None,
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
        owed_at=item.get("owed_at"),
    )


def posted_item(posted: Posted) -> Item:
    letter = posted.letter
    return present(
        {
            **keys.message(posted.registration_id, posted.told.sequence),
            "registration_id": posted.registration_id,
            "event_id": posted.event_id,
            # What else their calendar held is noted once, with the invitation.
            "told": told_item(replace(posted.told, dates=_about(posted.told))),
            "calendar": letter.calendar if letter else None,
            "mail": zlib.compress(letter.mail) if letter else None,
            "unwritten": None if letter else True,
            "written_at": instant(posted.written_at),
            "sent_at": instant_or_none(posted.sent_at),
            "ses_id": posted.ses_id,
            "state": posted.state.value,
            "reason": posted.reason or None,
            "expires_at": int(posted.expires_at.timestamp()) if posted.expires_at else None,
        }
    )


def _about(told: Told) -> tuple[ToldDate, ...]:
    """What the latest message told of the one date that it was about."""
    about = (told.date, told.separate)
    return tuple(one for one in told.dates if (one.date, one.separate) == about)


def posted_of(item: Mapping[str, Any]) -> Posted:
    return Posted(
        registration_id=item["registration_id"],
        event_id=item["event_id"],
        told=told_of(item["told"]),
        # Erased with the person whom it was written to, or never written.
        letter=Letter(calendar=item["calendar"], mail=zlib.decompress(item["mail"])) if "mail" in item else None,
        written_at=moment(item["written_at"]),
        sent_at=moment_or_none(item.get("sent_at")),
        ses_id=item["ses_id"],
        state=DeliveryState(item["state"]),
        reason=item.get("reason", ""),
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
    )
