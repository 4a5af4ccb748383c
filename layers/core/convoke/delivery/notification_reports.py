"""Applies what SES reports about a notification to an attendee: delivered, not delivered, or complained about.

Reports come late, twice and in any order: the tags of a mail say which one it was, so that a report about an earlier
one says nothing of the last.
"""

from __future__ import annotations

from dataclasses import replace

from ..decision.decide import CHANGE
from ..decision.invitation import Invitation, WaitMail, WaitMailed
from ..effects import (
    Clock,
    NewWebhookEvent,
    ReadInvitation,
    ReadNotification,
    ReadRegistration,
    RecordNotification,
    ScheduleSurvey,
    Steps,
    StoreReport,
)
from ..mail.notifications import NotificationKind, NotificationState, SentWaitMail, ended
from ..model import DeliveryState, Registration, folded, graver
from ..store import keys
from ..webhooks.events import WebhookEventType
from . import attempts
from .reports import MAX_ATTEMPTS, WriteContention, posted, stop
from .ses_events import NotificationReport

NOTIFICATION_EVENT_TYPES = {
    DeliveryState.BOUNCED: WebhookEventType.NOTIFICATION_BOUNCED,
    DeliveryState.SUPPRESSED: WebhookEventType.NOTIFICATION_BOUNCED,
    DeliveryState.COMPLAINED: WebhookEventType.NOTIFICATION_COMPLAINED,
    DeliveryState.FAILED: WebhookEventType.NOTIFICATION_FAILED,
}
"""The type of the webhook event for a report of each state; the other state has none."""

SAY_THAT_THEY_WAIT = frozenset(
    {
        *(NotificationKind.WAITING, NotificationKind.PENDING, NotificationKind.CANCELLED, NotificationKind.LINK),
        *(NotificationKind.ACCEPTED, NotificationKind.NO_SEAT),
    }
)
"""The kinds of notifications that can be a wait mail (``addressing``)."""


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
        invitation = stop(invitation, report)
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
    return (yield from posted(what, report, kind=report.kind.value))
