"""What happened, for a trace: no more than one wants to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .scene import EVENT_ID


def brief(thing: Any) -> str:
    """For a trace: no more than one wants to read."""
    name = type(thing).__name__
    if isinstance(thing, tuple):
        return "(" + ", ".join(brief(part) for part in thing) + ")"
    if name == "Invitation":
        pending, last = thing.intent, thing.acknowledged
        words = f"fence={thing.fence} poke={thing.poke} allocated={thing.allocated} exposed={thing.exposed}"
        words += f" intent={pending.told.method}{pending.told.sequence}" if pending else ""
        words += f" acknowledged={last.told.method}{last.told.sequence}" if last else ""
        words += f" lease={_hour(thing.lease_until)} owed={_owed(thing.owed_at)} {thing.state}"
        return f"Invitation({thing.registration_id[6:10]} {words})"
    if name == "Registration":
        return f"Registration({thing.registration_id[6:10]} {thing.status} {thing.email})"
    if name == "Event":
        return f"Event(v{thing.version} {thing.status} {thing.title} {thing.when.start:%d %H:%M} {thing.location})"
    if name == "Posted":
        return f"Posted({thing.told.sequence})"
    if name in ("Claim", "Clear", "GiveBack", "Wait", "Acknowledge", "Amend"):
        seen = getattr(thing, "seen", None) or thing.claimed
        words = f"{seen.registration_id[6:10]} fence={seen.fence} poke={seen.poke}"
        if name == "Claim":
            told = thing.intent.told
            words += f" {told.method}{told.sequence} {told.title} {told.recipient} lease={_hour(thing.lease_until)}"
        if hasattr(thing, "owed_at"):
            words += f" owed={_owed(thing.owed_at)}"
        return f"{name}({words})"
    if name in ("ReadInvitation", "ReadRegistration", "ReadPosted"):
        return f"{name}({thing.registration_id[6:10]})"
    if name in ("ReadEvent", "ReadFan", "ReadSending", "Keep"):
        return name
    return str(thing).replace(EVENT_ID, "…").replace("datetime.", "")


def _hour(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at else "none"


def _owed(at: str | None) -> str:
    return f"{at[0]}#{at[13:21]}" if at else "none"
