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

from ..decision.calendar_state import CalendarState
from ..decision.decide import CHANGE
from ..decision.invitation import Acknowledged, Delivered, Intent, Invitation, Stopped
from ..effects import (
    Clock,
    Enqueue,
    Hint,
    ReadEvent,
    ReadInvitation,
    ReadUnreached,
    ScheduleSurvey,
    Sent,
    Steps,
    StoreReport,
    WakeUp,
    WebhookEvent,
)
from ..model import (
    GRAVITY,
    ConvokeError,
    DeliveryState,
    LocalTime,
    Method,
    folded,
    frozen,
)
from ..store import keys
from ..webhooks.facts import WebhookEventType

FACTS = {
    DeliveryState.BOUNCED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.SUPPRESSED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.COMPLAINED: WebhookEventType.INVITATION_COMPLAINED,
    DeliveryState.FAILED: WebhookEventType.INVITATION_FAILED,
}

TRIES = 8
MOST_REPAIRS = 25
"""Times that one attendee is told anew because of the order of arrival: no mail server is as bad as that."""


class Crowded(ConvokeError):
    """Others wrote the same invitation again and again; the report will be delivered once more."""


@frozen
class Report:
    """One SES event about one message of ours.

    ``final`` says that the address must not be mailed again; ``at`` (UTC) is when it happened. ``reason`` is SES's word
    for it where it failed.
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
        date=date_of(tags["date"][0]) if "date" in tags else None,
        separate=tags["separate"][0] if "separate" in tags else "",
        state=state,
        final=final,
        address=mail["destination"][0],
        ses_id=mail["messageId"],
        at=datetime.fromisoformat(event.get("delivery", mail)["timestamp"]),
        reason=event["eventType"].replace(" ", "") if state is DeliveryState.FAILED else "",
    )


def tag_of(date: LocalTime) -> str:
    """A date of a series as a tag of SES may hold it: letters and digits."""
    return f"{date:%Y%m%dT%H%M%S}" if isinstance(date, datetime) else f"{date:%Y%m%d}"


def date_of(tag: str) -> LocalTime:
    return datetime.fromisoformat(tag) if "T" in tag else datetime.fromisoformat(tag).date()


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


def apply_report(report: Report) -> Steps[bool]:
    """Apply one report; answers whether it was about an invitation that stands."""
    for _ in range(TRIES):
        invitation = yield ReadInvitation(event_id=report.event_id, registration_id=report.registration_id)
        if invitation is None:
            return False
        heard = after(invitation, report)
        if heard.acknowledged != invitation.acknowledged and invitation.due_key is None:
            # What was given up has left after all: there may be more to say. First, so that no crash comes between.
            now = yield Clock()
            yield WakeUp(
                event_id=report.event_id, registration_id=report.registration_id, due_key=keys.due_key(CHANGE, now)
            )
        fact = yield from _fact(invitation, heard, report)
        if heard == invitation or (yield StoreReport(seen=invitation, changed=heard, fact=fact)):
            yield Sent(
                registration_id=report.registration_id,
                sequence=report.sequence,
                state=report.state,
                ses_id=report.ses_id,
                at=report.at,
                reason=report.reason,
            )
            if invitation.due_key is not None and settles(heard, report):
                hint = Hint(event_id=report.event_id, registration_id=report.registration_id)
                yield Enqueue(hint=hint, urgent=invitation.due_key.startswith("0"))
            yield from _watch(report)
            if out_of_order(heard) and heard.repair < MOST_REPAIRS:
                yield WakeUp(
                    event_id=report.event_id,
                    registration_id=report.registration_id,
                    due_key=keys.due_key(0, (yield Clock())),
                    repair=True,
                )
            return True
    raise Crowded(f"{TRIES} tries met other writers")


def _fact(was: Invitation, heard: Invitation, report: Report) -> Steps[WebhookEvent | None]:
    """What an account's webhooks are told of the report, where it is news."""
    what = FACTS.get(report.state)
    if what is None or (was.state, was.stopped) == (heard.state, heard.stopped):
        return None
    event = yield ReadEvent(event_id=report.event_id)
    if event is None:
        return None
    data = {
        "event_id": report.event_id,
        "registration_id": report.registration_id,
        "method": report.method.value,
        "sequence": report.sequence,
        "state": report.state.value,
        **({"reason": report.reason} if report.reason else {}),
    }
    return WebhookEvent(account=event.account, type=what, data=data, at=(yield Clock()))


def _watch(report: Report) -> Steps[None]:
    """What came back is shown on the event, and no more once it has arrived after all."""
    if report.state is DeliveryState.ACCEPTED:
        return
    if report.state is DeliveryState.DELIVERED:
        known = yield ReadUnreached(
            event_id=report.event_id, after=report.registration_id[:-1], through=report.registration_id
        )
        if not any(one.attention.registration_id == report.registration_id for one in known):
            return
    yield ScheduleSurvey(event_id=report.event_id, due_key=keys.due_key(CHANGE, (yield Clock())))


def after(invitation: Invitation, report: Report) -> Invitation:
    """The invitation once ``report`` is known."""
    heard, intent, previous = invitation.possibly_sent, invitation.intent, invitation.acknowledged
    standing = invitation.state
    if invitation.doubt and heard is not None and heard.sequence == report.sequence:
        # Any report proves that SES accepted it; it does not answer a request to send it again.
        counts: Intent | Acknowledged | None = previous
        if intent is not None and intent.calendar_state.sequence == report.sequence:
            # Nor was it given up with reason: where it was asked for once more since, it is sent once more.
            counts = intent = replace(intent, unknowns=0, failed=False)
        acknowledged = Acknowledged(
            calendar_state=heard,
            ses_id=report.ses_id,
            at=report.at,
            repair=counts.repair if counts else 0,
            resend=previous.resend if previous else 0,
        )
        invitation = replace(invitation, acknowledged=acknowledged, intent=intent)
        standing = DeliveryState.ACCEPTED
    last, newer = invitation.acknowledged, invitation.unacknowledged
    # What became of an older message does not hide that a newer one was given up.
    given_up = newer is not None and newer.failed
    about_the_last = last is not None and last.calendar_state.sequence == report.sequence
    # What bounced for good says it also of what went there since, while nobody knows of that.
    about_its_address = last is None and report.final and _addressed(invitation, report)
    if (about_the_last or about_its_address) and not given_up:
        news = _graver(report.state, standing)
        state, reason = (report.state, report.reason) if news else (standing, invitation.reason)
        invitation = replace(invitation, state=state, reason=reason if state is DeliveryState.FAILED else "")
    if report.state is DeliveryState.DELIVERED:
        invitation = replace(invitation, delivered=_delivered(invitation, report))
    # A person who was forgotten is not to come back with a late bounce.
    if report.final and not _forgotten(invitation):
        invitation = _stop(invitation, report)
    return invitation


def _delivered(invitation: Invitation, report: Report) -> tuple[Delivered, ...]:
    """The last delivery of each method and date or entry, of the latest generation that anything was delivered of."""
    new = Delivered(
        generation=report.generation,
        method=report.method,
        at=report.at,
        sequence=report.sequence,
        date=report.date,
        separate=report.separate,
    )
    latest = max(one.generation for one in (*invitation.delivered, new))
    last: dict[tuple[str, str, Method], Delivered] = {}
    for one in sorted((*invitation.delivered, new), key=lambda one: (one.at, one.sequence)):
        if one.generation == latest:
            last[tag_of(one.date) if one.date else "", one.separate, one.method] = one
    return tuple(last[key] for key in sorted(last))


def settles(invitation: Invitation, report: Report) -> bool:
    """Whether the report is of the delivery that the dates of a series wait for."""
    last = invitation.acknowledged
    about_the_last = last is not None and last.calendar_state.base == report.sequence and last.calendar_state.recurs
    return about_the_last and report.date is None and report.state is DeliveryState.DELIVERED


def out_of_order(invitation: Invitation) -> bool:
    """Whether what was delivered last may hide our last word, and nobody says it again yet.

    So it is where a message was delivered after one with a higher SEQUENCE that it does not agree with: an old REQUEST
    after the CANCEL that is our last word, a whole series after one of its dates.
    """
    last = invitation.acknowledged
    if last is None or invitation.repair > last.repair:
        return False
    delivered = [one for one in invitation.delivered if one.generation == last.calendar_state.generation]
    return any(
        late.sequence < early.sequence
        and late.at > early.at
        and _hides(late, early, last.calendar_state)
        # The whole series, said and delivered after both, has settled it.
        and not any(one.part == (None, "") and one.sequence > early.sequence and one.at > late.at for one in delivered)
        for late in delivered
        for early in delivered
    )


def _hides(late: Delivered, early: Delivered, calendar_state: CalendarState) -> bool:
    if late.separate != early.separate:
        return False  # entries of their own have nothing to do with each other
    if calendar_state.gone and calendar_state.whole and not late.separate:
        return early.method is Method.CANCEL and early.date is None and late.method is Method.REQUEST
    if late.date == early.date:
        return late.method is not early.method
    # Two dates of a series have nothing to do with each other; a date and its series do.
    return late.date is None or early.date is None


def _addressed(invitation: Invitation, report: Report) -> bool:
    """Whether the report is about the address that the newest message went to."""
    newest = invitation.intent
    return newest is not None and folded(newest.calendar_state.recipient) == folded(report.address)


def _forgotten(invitation: Invitation) -> bool:
    return invitation.intent is not None and not invitation.intent.calendar_state.recipient


def _stop(invitation: Invitation, report: Report) -> Invitation:
    standing = invitation.stop_of(report.address)
    if standing is not None and not _graver(report.state, standing.state):
        return invitation
    others = [stop for stop in invitation.stopped if stop != standing]
    stops = [*others, Stopped(address=report.address, state=report.state)]
    return replace(invitation, stopped=tuple(sorted(stops, key=lambda stop: stop.address)))


def _graver(one: DeliveryState, other: DeliveryState) -> bool:
    return other not in GRAVITY or GRAVITY.index(one) > GRAVITY.index(other)
