"""Reads the events that SES publishes about the mails of this deployment, by their tags: each is a report about a
message or a notification.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..decision.attention import REASON_OF_STATE
from ..mail.notifications import NOBODY, NotificationKind, mail_id
from ..model import DeliveryState, LocalTime, Method, frozen
from ..store import codec

NO_COMPLAINT = ("not-spam", "auth-failure")
"""Feedback types that SES publishes as a complaint and that are none: that the mail is no spam (RFC 6430), and a report
on the sender's authentication (RFC 6591).
"""

OF_NOTIFICATIONS = frozenset({*REASON_OF_STATE, DeliveryState.DELIVERED})
"""The states that reports about notifications are read of."""


@frozen
class Report:
    """One SES event about one message of this deployment. The fields down to ``separate`` come from the mail's tags.

    ``date`` is the one date of a series that the message is about, by its original start; ``separate`` names the
    separate entry that it is about. ``final`` says that ``address`` must not be mailed again for this event. ``at``
    (UTC) is when it happened. ``reason`` is the SES event's type if ``state`` is FAILED, else empty.
    """

    event_id: str
    registration_id: str
    sequence: int
    generation: int
    method: Method
    date: LocalTime | None = None
    separate: str = ""
    state: DeliveryState
    final: bool
    address: str
    ses_id: str
    at: datetime
    reason: str = ""


@frozen
class NotificationReport:
    """One SES event about a notification to an attendee: it was delivered or not, or they complained about it. The
    fields are as in :class:`Report`.

    ``kind`` is what it was sent as, ``stored_with`` the registration that it is stored with (empty for none), and
    ``fence`` that of the claim to send it; ``None`` if a deployment sent it that had no such tag.
    """

    event_id: str
    registration_id: str
    stored_with: str
    notification_id: str
    fence: int | None
    kind: NotificationKind
    state: DeliveryState
    final: bool
    address: str
    reason: str = ""

    @property
    def mail_id(self) -> str:
        """Which mail it is about, as the last wait mail is named; empty if that is not known."""
        return "" if self.fence is None else mail_id(self.notification_id, self.fence)


def report_of(event: Mapping[str, Any]) -> Report | NotificationReport | None:
    """Read an SES event, the JSON of SES's event publishing; ``None`` if it is not about a message of an invitation or
    a notification to an attendee, or its type is not used.

    Raises :class:`LookupError`, :class:`ValueError` or :class:`TypeError` for what is not an SES event at all.
    """
    mail = event["mail"]
    tags = mail.get("tags", {})
    state, final = _state(event)
    if {"event", "registration", "notification", "kind"} <= set(tags) and state in OF_NOTIFICATIONS:
        stored_with = tags.get("stored-with", tags["registration"])[0]
        return NotificationReport(
            event_id=tags["event"][0],
            registration_id=tags["registration"][0],
            stored_with="" if stored_with == NOBODY else stored_with,
            notification_id=tags["notification"][0],
            fence=int(tags["fence"][0]) if "fence" in tags else None,
            kind=NotificationKind(tags["kind"][0]),
            state=state,
            final=final,
            address=mail["destination"][0],
            reason=_reason(event, state),
        )
    if state is None or not {"event", "registration", "sequence", "generation", "method"} <= set(tags):
        return None
    return Report(
        event_id=tags["event"][0],
        registration_id=tags["registration"][0],
        sequence=int(tags["sequence"][0]),
        generation=int(tags["generation"][0]),
        method=Method(tags["method"][0]),
        date=codec.local_time(tags["date"][0]) if "date" in tags else None,
        separate=tags["separate"][0] if "separate" in tags else "",
        state=state,
        final=final,
        address=mail["destination"][0],
        ses_id=mail["messageId"],
        at=datetime.fromisoformat(event.get("delivery", mail)["timestamp"]),
        reason=_reason(event, state),
    )


def _reason(event: Mapping[str, Any], state: DeliveryState) -> str:
    return str(event["eventType"]).replace(" ", "") if state is DeliveryState.FAILED else ""


def _state(event: Mapping[str, Any]) -> tuple[DeliveryState | None, bool]:
    """The delivery state that an SES event reports, and whether the address must not be mailed again."""
    match event["eventType"]:
        case "Send":
            return DeliveryState.ACCEPTED, False
        case "Delivery":
            return DeliveryState.DELIVERED, False
        case "Bounce":
            bounce = event["bounce"]
            suppressed = bounce.get("bounceSubType") in ("Suppressed", "OnAccountSuppressionList")
            state = DeliveryState.SUPPRESSED if suppressed else DeliveryState.BOUNCED
            # Transient, for example a full mailbox: a later mail may be delivered.
            return state, bounce["bounceType"] == "Permanent"
        case "Complaint":
            complaint = event["complaint"]
            if complaint.get("complaintSubType") == "OnAccountSuppressionList":
                return DeliveryState.SUPPRESSED, True
            # The others of RFC 5965 say that somebody does not want the mail.
            is_complaint = complaint.get("complaintFeedbackType") not in NO_COMPLAINT
            return (DeliveryState.COMPLAINED, True) if is_complaint else (None, False)
        case "Reject" | "Rendering Failure":
            return DeliveryState.FAILED, False
        case _:
            return None, False
