"""What SES reports of a message after it accepted it: who was reached, who was not, who may not be mailed again.

Reports come late, twice and in any order, so each is applied as a fact that cannot be undone by a lesser one.

Mail servers may also change the order of what SES accepted in order. Several calendars put an entry *back* when an old
REQUEST arrives after its CANCEL; where the reports show that, the CANCEL is said again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from .effects import Amend, Clock, Poke, ReadInvitation, Sent, Steps
from .ledger import Acknowledged, Delivered, Invitation, Stopped
from .model import ConvokeError, DeliveryState, Method, noun
from .store.keys import owed

# Of two reports of one message the later in this list stands.
GRAVITY = (
    DeliveryState.ACCEPTED,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.SUPPRESSED,
    DeliveryState.COMPLAINED,
)

TRIES = 8


class Crowded(ConvokeError):
    """Others wrote the same invitation again and again; the report will be delivered once more."""


@noun
class Report:
    """One SES event about one message of ours.

    ``final`` says that the address must not be mailed again; ``at`` (UTC) is when it happened.
    """

    event_id: str
    registration_id: str
    sequence: int
    generation: int
    method: Method
    state: DeliveryState
    final: bool
    address: str
    ses_id: str
    at: datetime


def report_of(event: Mapping[str, Any]) -> Report | None:
    """Read an SES event (event publishing's JSON); ``None`` where it says nothing about a message of ours.

    Raises :class:`KeyError` or :class:`ValueError` for what is not an SES event at all.
    """
    mail = event["mail"]
    tags = mail.get("tags", {})
    if not {"event", "registration", "sequence", "generation", "method"} <= set(tags):
        return None
    state, final = _state(event)
    if state is None:
        return None
    return Report(
        event_id=tags["event"][0],
        registration_id=tags["registration"][0],
        sequence=int(tags["sequence"][0]),
        generation=int(tags["generation"][0]),
        method=Method(tags["method"][0]),
        state=state,
        final=final,
        address=mail["destination"][0],
        ses_id=mail["messageId"],
        at=datetime.fromisoformat(event.get("delivery", mail)["timestamp"]),
    )


def _state(event: Mapping[str, Any]) -> tuple[DeliveryState | None, bool]:
    match event["eventType"]:
        case "Send":
            return DeliveryState.ACCEPTED, False
        case "Delivery":
            return DeliveryState.DELIVERED, False
        case "Bounce":
            bounce = event["bounce"]
            suppressed = bounce.get("bounceSubType") in ("Suppressed", "OnAccountSuppressionList")
            state = DeliveryState.SUPPRESSED if suppressed else DeliveryState.BOUNCED
            # A full mailbox or a mail too large today may do tomorrow.
            return state, bounce["bounceType"] == "Permanent"
        case "Complaint":
            return DeliveryState.COMPLAINED, True
        case "Reject" | "Rendering Failure":
            return DeliveryState.FAILED, False
        case _:
            return None, False


def hear(report: Report) -> Steps[bool]:
    """Apply one report; answers whether it was about an invitation that stands."""
    for _ in range(TRIES):
        invitation = yield ReadInvitation(event_id=report.event_id, registration_id=report.registration_id)
        if invitation is None:
            return False
        heard = after(invitation, report)
        if heard == invitation or (yield Amend(seen=invitation, heard=heard)):
            yield Sent(
                registration_id=report.registration_id,
                sequence=report.sequence,
                state=report.state,
                ses_id=report.ses_id,
                at=report.at,
            )
            if out_of_order(heard):
                yield Poke(
                    event_id=report.event_id,
                    registration_id=report.registration_id,
                    owed_at=owed(0, (yield Clock())),
                    repair=True,
                )
            return True
    raise Crowded(f"{TRIES} tries met other writers")


def after(invitation: Invitation, report: Report) -> Invitation:
    """The invitation once ``report`` is known."""
    heard, intent, previous = invitation.heard, invitation.intent, invitation.acknowledged
    standing = invitation.state
    if invitation.doubt and heard is not None and heard.sequence == report.sequence:
        # Any report proves that SES accepted it; it does not answer a request to send it again.
        counts = intent if intent is not None and intent.told.sequence == report.sequence else previous
        acknowledged = Acknowledged(
            told=heard,
            ses_id=report.ses_id,
            at=report.at,
            repair=counts.repair if counts else 0,
            resend=previous.resend if previous else 0,
        )
        invitation, standing = replace(invitation, acknowledged=acknowledged), DeliveryState.ACCEPTED
    last, newer = invitation.acknowledged, invitation.unacknowledged
    # What became of an older message does not hide that a newer one was given up.
    given_up = newer is not None and newer.failed
    about_the_last = last is not None and last.told.sequence == report.sequence
    if about_the_last and not given_up:
        invitation = replace(invitation, state=report.state if _graver(report.state, standing) else standing)
    if report.state is DeliveryState.DELIVERED:
        invitation = replace(invitation, delivered=_delivered(invitation, report))
    # A person who was forgotten is not to come back with a late bounce.
    if report.final and not _forgotten(invitation):
        invitation = _stop(invitation, report)
    return invitation


def _delivered(invitation: Invitation, report: Report) -> tuple[Delivered, ...]:
    """The last delivery of each method, of the latest generation that anything was delivered of."""
    new = Delivered(generation=report.generation, method=report.method, at=report.at)
    latest = max(one.generation for one in (*invitation.delivered, new))
    last: dict[Method, Delivered] = {}
    for one in sorted((*invitation.delivered, new), key=lambda one: one.at):
        if one.generation == latest:
            last[one.method] = one
    return tuple(last[method] for method in sorted(last))


def out_of_order(invitation: Invitation) -> bool:
    """Whether a REQUEST was delivered after the CANCEL that is our last word, and nobody says it again yet."""
    last = invitation.acknowledged
    if last is None or last.told.method is not Method.CANCEL or invitation.repair > last.repair:
        return False
    at = {one.method: one.at for one in invitation.delivered if one.generation == last.told.generation}
    return {Method.REQUEST, Method.CANCEL} <= at.keys() and at[Method.REQUEST] > at[Method.CANCEL]


def _forgotten(invitation: Invitation) -> bool:
    return invitation.intent is not None and not invitation.intent.told.recipient


def _stop(invitation: Invitation, report: Report) -> Invitation:
    standing = invitation.stop_of(report.address)
    if standing is not None and not _graver(report.state, standing.state):
        return invitation
    others = [stop for stop in invitation.stopped if stop != standing]
    stops = [*others, Stopped(address=report.address, state=report.state)]
    return replace(invitation, stopped=tuple(sorted(stops, key=lambda stop: stop.address)))


def _graver(one: DeliveryState, other: DeliveryState) -> bool:
    return other not in GRAVITY or GRAVITY.index(one) > GRAVITY.index(other)
