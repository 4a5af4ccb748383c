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
        words = f"fence={thing.fence} wakeups={thing.wakeups}"
        words += f" allocated={thing.allocated} exposed={thing.highest_possibly_sent}"
        words += f" intent={pending.calendar_state.method}{pending.calendar_state.sequence}" if pending else ""
        words += f" acknowledged={last.calendar_state.method}{last.calendar_state.sequence}" if last else ""
        words += f" lease={_hour(thing.lease_until)} due={_due_at(thing.due_key)} {thing.state}"
        return f"Invitation({thing.registration_id[6:10]} {words})"
    if name == "Registration":
        return f"Registration({thing.registration_id[6:10]} {thing.status} {thing.email})"
    if name == "Event":
        return f"Event(v{thing.version} {thing.status} {thing.title} {thing.when.start:%d %H:%M} {thing.location})"
    if name == "Posted":
        return f"Posted({thing.calendar_state.sequence})"
    if name in ("Claim", "ClearDue", "ReleaseClaim", "HoldClaim", "Acknowledge", "StoreReport"):
        seen = getattr(thing, "seen", None) or thing.claimed
        words = f"{seen.registration_id[6:10]} fence={seen.fence} wakeups={seen.wakeups}"
        if name == "Claim":
            told = thing.intent.calendar_state
            words += f" {told.method}{told.sequence} {told.title} {told.recipient} lease={_hour(thing.lease_until)}"
        if hasattr(thing, "due_key"):
            words += f" due={_due_at(thing.due_key)}"
        return f"{name}({words})"
    if name in ("ReadInvitation", "ReadRegistration", "ReadStoredMessage", "ReadTogether"):
        return f"{name}({thing.registration_id[6:10]})"
    if name in ("ReadEvent", "ReadSending", "StoreMessage"):
        return name
    return str(thing).replace(EVENT_ID, "…").replace("datetime.", "")


def _hour(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at else "none"


def _due_at(at: str | None) -> str:
    return f"{at[0]}#{at[13:21]}" if at else "none"
