"""Applies what SES reports about a message that it accepted: delivered, bounced, complained about, suppressed, failed.

Reports come late, twice and in any order. So a state is replaced only by a graver one (``model.GRAVITY``), and applying
a report twice changes nothing.

Mail servers may deliver in another order than the one in which SES accepted. Several calendar programs put an entry
*back* when an old REQUEST arrives after its CANCEL; when the reports show that, the CANCEL is sent again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..decision.calendar_state import CalendarState
from ..decision.decide import CHANGE, URGENT
from ..decision.invitation import Acknowledged, Delivered, Intent, Invitation, Stopped
from ..effects import (
    Clock,
    Enqueue,
    NewWebhookEvent,
    ReadEvent,
    ReadInvitation,
    ReadUnreached,
    RecordMessageState,
    RegistrationHint,
    ScheduleSurvey,
    Steps,
    StoreReport,
    WakeUp,
)
from ..model import ConvokeError, DeliveryState, Method, basic, folded, graver
from ..store import keys
from ..webhooks.events import WebhookEventType
from .ses_events import NotificationReport, Report

EVENT_TYPES = {
    DeliveryState.DELIVERED: WebhookEventType.INVITATION_DELIVERED,
    DeliveryState.BOUNCED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.SUPPRESSED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.COMPLAINED: WebhookEventType.INVITATION_COMPLAINED,
    DeliveryState.FAILED: WebhookEventType.INVITATION_FAILED,
}
"""The type of the webhook event for a report of each state; the other states have none."""

MAX_ATTEMPTS = 8
"""How often a report is applied anew after another worker wrote first."""
MAX_REPAIRS = 25
"""How often one attendee is sent a message again because of the order of arrival, lest that never end."""


class WriteContention(ConvokeError):
    """Raised by :func:`apply_report` when other workers wrote first each time. Lambda then repeats the SNS message."""


def apply_report(report: Report) -> Steps[bool]:
    """Apply one report; returns whether its invitation exists. Raises :class:`WriteContention`."""
    for _ in range(MAX_ATTEMPTS):
        invitation = yield ReadInvitation(event_id=report.event_id, registration_id=report.registration_id)
        if invitation is None:
            return False
        updated = updated_by(invitation, report)
        if updated.acknowledged != invitation.acknowledged and invitation.due_key is None:
            # A message that was given up has left after all, so another may be missing. Written first, so that a crash
            # cannot lose it.
            now = yield Clock()
            yield WakeUp(
                event_id=report.event_id, registration_id=report.registration_id, due_key=keys.due_key(CHANGE, now)
            )
        webhook_event = yield from _webhook_event(invitation, updated, report)
        if updated == invitation or (yield StoreReport(seen=invitation, changed=updated, webhook_event=webhook_event)):
            if not _kept_by_the_invitation(invitation, report):
                yield RecordMessageState(
                    registration_id=report.registration_id,
                    sequence=report.sequence,
                    state=report.state,
                    ses_id=report.ses_id,
                    at=report.at,
                    reason=report.reason,
                )
            if invitation.due_key is not None and is_awaited_delivery(updated, report):
                hint = RegistrationHint(event_id=report.event_id, registration_id=report.registration_id)
                yield Enqueue(hint=hint, urgent=invitation.due_key.startswith(f"{URGENT}#"))
            yield from _schedule_survey(report)
            if out_of_order(updated) and updated.repair < MAX_REPAIRS:
                yield WakeUp(
                    event_id=report.event_id,
                    registration_id=report.registration_id,
                    due_key=keys.due_key(URGENT, (yield Clock())),
                    repair=True,
                )
            return True
    raise WriteContention(f"other workers wrote first, {MAX_ATTEMPTS} times")


def _kept_by_the_invitation(invitation: Invitation, report: Report) -> bool:
    """Whether the invitation as it was read says, with what the report adds to it, all that there is to say of the
    message: it is the latest, known to be accepted, and arrived. Most reports are such, and cost one write or none.
    """
    newest = invitation.intent
    return (
        report.state in (DeliveryState.ACCEPTED, DeliveryState.DELIVERED)
        and invitation.accepted(report.sequence) is not None
        and newest is not None
        and newest.sequence == report.sequence
    )


def _webhook_event(was: Invitation, updated: Invitation, report: Report) -> Steps[NewWebhookEvent | None]:
    """The webhook event for a report, or ``None`` if it changes neither the state nor the stopped addresses."""
    what = EVENT_TYPES.get(report.state)
    if what is None or (was.state, was.stopped) == (updated.state, updated.stopped):
        return None
    return (yield from posted(what, report, method=report.method.value, sequence=report.sequence))


def posted(what: WebhookEventType, report: Report | NotificationReport, **about: Any) -> Steps[NewWebhookEvent | None]:
    """The webhook event of a report, with what it is ``about``; ``None`` where its event is gone."""
    event = yield ReadEvent(event_id=report.event_id)
    if event is None:
        return None
    data = {
        "event_id": report.event_id,
        "registration_id": report.registration_id,
        **about,
        "state": report.state.value,
        **({"reason": report.reason} if report.reason else {}),
    }
    return NewWebhookEvent(account=event.account, type=what, data=data, at=(yield Clock()))


def _schedule_survey(report: Report) -> Steps[None]:
    """Make a survey due, so that the event shows who was not reached: after every report but an acceptance, and after a
    delivery only if the attendee is known as not reached so far.
    """
    if report.state is DeliveryState.ACCEPTED:
        return
    if report.state is DeliveryState.DELIVERED:
        known = yield ReadUnreached(
            event_id=report.event_id, after=report.registration_id[:-1], through=report.registration_id
        )
        if not any(one.attention.registration_id == report.registration_id for one in known):
            return
    yield ScheduleSurvey(event_id=report.event_id, due_key=keys.due_key(CHANGE, (yield Clock())))


def updated_by(invitation: Invitation, report: Report) -> Invitation:
    """The invitation as it is with ``report`` applied."""
    possibly_sent, intent, previous = invitation.possibly_sent, invitation.intent, invitation.acknowledged
    state_so_far = invitation.state
    if invitation.doubt and possibly_sent is not None and possibly_sent.sequence == report.sequence:
        # Any report proves that SES accepted it; it does not answer a request to send it again.
        counts: Intent | Acknowledged | None = previous
        if intent is not None and intent.sequence == report.sequence:
            # It was not rightly given up either; if a resend was requested since, it is sent once more.
            counts = intent = replace(intent, unknowns=0, failed=False)
        acknowledged = Acknowledged(
            calendar_state=possibly_sent,
            ses_id=report.ses_id,
            at=report.at,
            repair=counts.repair if counts else 0,
            resend=previous.resend if previous else 0,
        )
        invitation = replace(invitation, acknowledged=acknowledged, intent=intent)
        state_so_far = DeliveryState.ACCEPTED
    newer = invitation.unacknowledged
    # A report about an older message must not hide that a newer one was given up.
    given_up = newer is not None and newer.failed
    about_the_last = invitation.accepted(report.sequence) is not None
    # A final bounce also holds for a newer message to the same address, while nothing is known about that one.
    about_its_address = invitation.acknowledged is None and report.final and _addressed(invitation, report)
    if (about_the_last or about_its_address) and not given_up:
        # That a message expired is about one after the last: no report of the last says anything of that.
        news = state_so_far is not DeliveryState.EXPIRED and graver(report.state, state_so_far)
        state, reason = (report.state, report.reason) if news else (state_so_far, invitation.reason)
        invitation = replace(invitation, state=state, reason=reason if state is DeliveryState.FAILED else "")
    if report.state is DeliveryState.DELIVERED:
        invitation = replace(invitation, delivered=_delivered(invitation, report))
    # A late bounce must not store the address of a person who was erased.
    if report.final and not _erased(invitation):
        invitation = stop(invitation, report)
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
            last[basic(one.date) if one.date else "", one.separate, one.method] = one
    return tuple(last[key] for key in sorted(last))


def is_awaited_delivery(invitation: Invitation, report: Report) -> bool:
    """Whether the report is of the series' delivery, for which the messages about single dates wait."""
    last = invitation.acknowledged
    about_the_last = last is not None and last.calendar_state.base == report.sequence and last.calendar_state.recurs
    return about_the_last and report.date is None and report.state is DeliveryState.DELIVERED


def out_of_order(invitation: Invitation) -> bool:
    """Whether the message delivered last may hide the latest one, and no repair is under way yet.

    That is so if a message was delivered after one with a higher SEQUENCE that contradicts it: an old REQUEST after the
    CANCEL that is the latest message, or a whole series after one of its dates.
    """
    last = invitation.acknowledged
    if last is None or invitation.repair > last.repair:
        return False
    delivered = [one for one in invitation.delivered if one.generation == last.calendar_state.generation]
    return any(
        late.sequence < early.sequence
        and late.at > early.at
        and _hides(late, early, last.calendar_state)
        # Unless the whole series was sent and delivered after both.
        and not any(one.part == (None, "") and one.sequence > early.sequence and one.at > late.at for one in delivered)
        for late in delivered
        for early in delivered
    )


def _hides(late: Delivered, early: Delivered, calendar_state: CalendarState) -> bool:
    """Whether ``late``, with the lower SEQUENCE but delivered later, may undo ``early`` in the attendee's calendar."""
    if late.separate != early.separate:
        return False  # separate entries do not affect each other
    if late.separate:
        return late.method is not early.method  # whatever its date is called since the series was moved
    if calendar_state.gone and calendar_state.whole and not late.separate:
        return early.method is Method.CANCEL and early.date is None and late.method is Method.REQUEST
    if late.date == early.date:
        return late.method is not early.method
    # Two dates of a series do not affect each other; a date and its series do.
    return late.date is None or early.date is None


def _addressed(invitation: Invitation, report: Report) -> bool:
    """Whether the report is about the address that the newest message went to."""
    newest = invitation.intent
    return newest is not None and folded(newest.calendar_state.recipient) == folded(report.address)


def _erased(invitation: Invitation) -> bool:
    """Whether the person was erased: the intent then names no recipient."""
    return invitation.intent is not None and not invitation.intent.calendar_state.recipient


def stop(invitation: Invitation, report: Report | NotificationReport) -> Invitation:
    """The invitation with the report's address stopped, unless a graver stop of it is known."""
    known = invitation.stop_of(report.address)
    if known is not None and not graver(report.state, known.state):
        return invitation
    others = [stop for stop in invitation.stopped if stop != known]
    stops = [*others, Stopped(address=report.address, state=report.state)]
    return replace(invitation, stopped=tuple(sorted(stops, key=lambda stop: stop.address)))
