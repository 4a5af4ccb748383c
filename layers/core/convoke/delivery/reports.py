"""Applies what SES reports about a message that it accepted: delivered, bounced, complained about, suppressed, failed;
and about a notification to an attendee that was not delivered, or complained about.

Reports come late, twice and in any order. So a state is replaced only by a graver one (``model.GRAVITY``), and applying
a report twice changes nothing.

Mail servers may deliver in another order than the one in which SES accepted. Several calendar programs put an entry
*back* when an old REQUEST arrives after its CANCEL; when the reports show that, the CANCEL is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..decision.attention import REASON_OF_STATE
from ..decision.calendar_state import CalendarState
from ..decision.decide import CHANGE, URGENT
from ..decision.invitation import Acknowledged, Delivered, Intent, Invitation, Stopped, WaitMail, WaitMailed
from ..effects import (
    Clock,
    Enqueue,
    NewWebhookEvent,
    ReadEvent,
    ReadInvitation,
    ReadNotification,
    ReadRegistration,
    ReadUnreached,
    RecordMessageState,
    RecordNotification,
    RegistrationHint,
    ScheduleSurvey,
    Steps,
    StoreReport,
    WakeUp,
)
from ..mail.notifications import NOBODY, NotificationKind, NotificationState, SentWaitMail, ended, mail_id
from ..model import ConvokeError, DeliveryState, LocalTime, Method, Registration, basic, folded, frozen, graver
from ..store import codec, keys
from ..webhooks.events import WebhookEventType
from . import attempts

EVENT_TYPES = {
    DeliveryState.DELIVERED: WebhookEventType.INVITATION_DELIVERED,
    DeliveryState.BOUNCED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.SUPPRESSED: WebhookEventType.INVITATION_BOUNCED,
    DeliveryState.COMPLAINED: WebhookEventType.INVITATION_COMPLAINED,
    DeliveryState.FAILED: WebhookEventType.INVITATION_FAILED,
}
"""The type of the webhook event for a report of each state; the other states have none."""

NOTIFICATION_EVENT_TYPES = {
    DeliveryState.BOUNCED: WebhookEventType.NOTIFICATION_BOUNCED,
    DeliveryState.SUPPRESSED: WebhookEventType.NOTIFICATION_BOUNCED,
    DeliveryState.COMPLAINED: WebhookEventType.NOTIFICATION_COMPLAINED,
    DeliveryState.FAILED: WebhookEventType.NOTIFICATION_FAILED,
}
"""The same for reports about notifications."""

OF_NOTIFICATIONS = frozenset({*REASON_OF_STATE, DeliveryState.DELIVERED})
"""The states that reports about notifications are read of."""

SAY_THAT_THEY_WAIT = frozenset(
    {
        *(NotificationKind.WAITING, NotificationKind.PENDING, NotificationKind.CANCELLED, NotificationKind.LINK),
        *(NotificationKind.ACCEPTED, NotificationKind.NO_SEAT),
    }
)
"""The kinds of notifications that can be a wait mail (``addressing``)."""

NO_COMPLAINT = ("not-spam", "auth-failure")
"""Feedback types that SES publishes as a complaint and that are none: that the mail is no spam (RFC 6430), and a report
on the sender's authentication (RFC 6591).
"""

MAX_ATTEMPTS = 8
"""How often a report is applied anew after another worker wrote first."""
MAX_REPAIRS = 25
"""How often one attendee is sent a message again because of the order of arrival, lest that never end."""


class WriteContention(ConvokeError):
    """Raised by :func:`apply_report` when other workers wrote first each time. Lambda then repeats the SNS message."""


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


def apply_notification_report(report: NotificationReport) -> Steps[bool]:
    """Apply one report about a notification: its address is stopped, and where it was the last wait mail, that counts
    as not delivered, so that the survey finds it. Returns whether the registration exists. Raises
    :class:`WriteContention`, also where the worker that sent the mail has not recorded that yet.
    """
    if report.state is DeliveryState.DELIVERED:
        return (yield from _apply_delivery(report))
    ids = {"event_id": report.event_id, "registration_id": report.registration_id}
    for _ in range(MAX_ATTEMPTS):
        # Read first: what is recorded as sent when this is read is in the invitation.
        is_being_sent = yield from _is_being_sent(report)
        invitation, person = (yield ReadInvitation(**ids)), (yield ReadRegistration(**ids))
        if invitation is None or person is None:
            return False
        if folded(person.email) != folded(report.address):
            return True  # they have another one by now, or were erased
        updated = _after_notification(invitation, person, report)
        webhook_event = yield from _notification_event(invitation, updated, report)
        if updated == invitation or (yield StoreReport(seen=invitation, changed=updated, webhook_event=webhook_event)):
            break
    else:
        raise WriteContention(f"other workers wrote first, {MAX_ATTEMPTS} times")
    yield ScheduleSurvey(event_id=report.event_id, due_key=keys.due_key(CHANGE, (yield Clock())))
    if report.state is DeliveryState.COMPLAINED:
        yield from _apply_delivery(report)
    if is_being_sent and not _is_last(invitation, person, report):
        raise WriteContention("the mail is recorded soon")
    return True


def _apply_delivery(report: NotificationReport) -> Steps[bool]:
    """That a notification was delivered, or complained about, proves that SES accepted it, where SES never said so:
    then it is not sent again, and it is certain what was said. Returns whether it is known whom it is about. Raises
    :class:`WriteContention`.
    """
    for _ in range(MAX_ATTEMPTS):
        sent: NotificationState | None = yield _stored(report)
        invitation = yield ReadInvitation(event_id=report.event_id, registration_id=report.registration_id)
        if sent is None or invitation is None:
            return False
        if report.fence is None:
            return True  # it is not known which mail it is about
        last, said = invitation.wait_mail, sent.possibly_said
        if last is not None and last.mail_id == report.mail_id and not last.certain and last.failure is None:
            known = replace(invitation, wait_mail=replace(last, certain=True))
            written = yield StoreReport(seen=invitation, changed=known)
        elif _is_unanswered(sent, report) and (said is None or not _contradicts(last, said)):
            certain = said and replace(said, certain=said.mail is not WaitMail.NOTHING)
            # Named, so that its worker, which may still wait for SES, does not write what it said once more.
            delivered = replace(ended(sent, DeliveryState.ACCEPTED), unanswered=report.fence)
            written = yield RecordNotification(notification_state=delivered, said=certain)
        else:
            return True
        if written:
            yield ScheduleSurvey(event_id=report.event_id, due_key=keys.due_key(CHANGE, (yield Clock())))
            return True
    raise WriteContention(f"other workers wrote first, {MAX_ATTEMPTS} times")


def _is_unanswered(sent: NotificationState, report: NotificationReport) -> bool:
    """Whether SES did not answer the very attempt that the report is about, as far as was recorded: nobody wrote to the
    notification since the claim, or since that was recorded, which raised the fence.
    """
    recorded = report.fence == sent.unanswered == sent.fence - 1
    return sent.notification is not None and (recorded or report.fence == sent.fence)


def _contradicts(last: WaitMailed | None, said: SentWaitMail) -> bool:
    """Whether they were mailed or shown anything else since ``said`` was decided."""
    same = last is not None and (last.mail, last.links) == (said.mail, said.links)
    return last != said.before and not same


def _stored(report: NotificationReport) -> ReadNotification:
    return ReadNotification(
        event_id=report.event_id, registration_id=report.stored_with, notification_id=report.notification_id
    )


def _is_being_sent(report: NotificationReport) -> Steps[bool]:
    """Whether a worker may be about to record that it sent this very mail, of a kind that can be a wait mail."""
    if report.kind not in SAY_THAT_THEY_WAIT or report.state is DeliveryState.COMPLAINED:
        return False
    sent: NotificationState | None = yield _stored(report)
    if sent is None or report.fence not in (sent.fence, None):
        return False
    return attempts.leased(sent.lease_until, (yield Clock()))


def _is_last(invitation: Invitation, person: Registration, report: NotificationReport) -> bool:
    """Whether the report is about the last wait mail. Of a mail whose tags do not say which one it was, that is assumed
    where the last one was as yet recorded without that, too.
    """
    last = invitation.wait_mail
    if report.mail_id:
        return last is not None and last.mail_id == report.mail_id
    cancelled = WaitMailed(mail=WaitMail.CANCELLED, links=person.links)
    return report.kind is NotificationKind.CANCELLED and last == cancelled


def _after_notification(invitation: Invitation, person: Registration, report: NotificationReport) -> Invitation:
    """The invitation with a report about a notification applied. Who complained was reached."""
    last, is_last = invitation.wait_mail, _is_last(invitation, person, report)
    if report.final:
        invitation = _stop(invitation, report)
    if last is None or not is_last or report.state is DeliveryState.COMPLAINED:
        return invitation
    if last.failure is not None and not graver(report.state, last.failure):
        return invitation
    return replace(invitation, wait_mail=replace(last, certain=False, failure=report.state))


def _notification_event(
    was: Invitation, updated: Invitation, report: NotificationReport
) -> Steps[NewWebhookEvent | None]:
    """The webhook event for a report about a notification: of each address that is stopped, and of a wait mail that was
    not delivered for now; ``None`` if that was known.
    """
    what = NOTIFICATION_EVENT_TYPES.get(report.state)
    known = was.stopped == updated.stopped if report.final else was.wait_mail == updated.wait_mail
    if what is None or known:
        return None
    event = yield ReadEvent(event_id=report.event_id)
    if event is None:
        return None
    data = {
        "event_id": report.event_id,
        "registration_id": report.registration_id,
        "kind": report.kind.value,
        "state": report.state.value,
        **({"reason": report.reason} if report.reason else {}),
    }
    return NewWebhookEvent(account=event.account, type=what, data=data, at=(yield Clock()))


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


def _stop(invitation: Invitation, report: Report | NotificationReport) -> Invitation:
    """The invitation with the report's address stopped, unless a graver stop of it is known."""
    known = invitation.stop_of(report.address)
    if known is not None and not graver(report.state, known.state):
        return invitation
    others = [stop for stop in invitation.stopped if stop != known]
    stops = [*others, Stopped(address=report.address, state=report.state)]
    return replace(invitation, stopped=tuple(sorted(stops, key=lambda stop: stop.address)))
