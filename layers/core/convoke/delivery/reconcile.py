"""Brings one attendee's calendar up to date: read, decide, claim, send, record.

Stream records, fan-outs, the sweep and resend requests all run these same steps. Three rules keep the messages to an
attendee in order:

- The invitation is read before the registration, and the registration before the event, or all three as they were at
  one moment. So no worker decides on a state that is older than the one the previous claim was decided on.
- Every write to the invitation is conditional on the fence that was read, and raises it.
- While it is unknown whether a message left, it counts both as sent and as not sent: what is true is sent again, under
  a higher SEQUENCE or as the very same bytes.

All instants are UTC.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..decision.calendar_state import RenderedMail
from ..decision.decide import (
    INVITATION,
    URGENT,
    Plan,
    Snapshot,
    cancels,
    decide,
    expired,
    intent_for,
    next_message,
    occurrence_may_follow,
    priority,
)
from ..decision.invitation import (
    Acknowledged,
    Cause,
    Intent,
    Invitation,
    Sending,
    StoredMessage,
    WaitMail,
    accepted_last,
)
from ..decision.limits import UNCOUNTED
from ..decision.waiting import missing_wait_mail, wait_mail_after
from ..effects import (
    Accepted,
    Acknowledge,
    AcknowledgeResult,
    Claim,
    ClearDue,
    Clock,
    CountMail,
    Defer,
    Enqueue,
    HoldClaim,
    Log,
    NewAttemptId,
    NewWebhookEvent,
    Random,
    ReadEvent,
    ReadFanOut,
    ReadInvitation,
    ReadRegistration,
    ReadSending,
    ReadStoredMessage,
    ReadTogether,
    RecordMessageState,
    Refused,
    ReleaseClaim,
    Render,
    Send,
    Steps,
    StoreMessage,
    Unknown,
    WakeUp,
)
from ..model import GRAVITY, DeliveryState, Method, Registration, Sender, folded, frozen
from ..schedule import series
from ..settings import Times
from ..store import keys
from ..webhooks.events import WebhookEventType
from . import attempts, waiting
from .attempts import Attempts, Claimed, Stage
from .pace import Turns, heed, wait_for_turn

KEPT_AFTER_THE_EVENT = timedelta(days=365)
"""How long a stored message is kept after the event's end."""


class Outcome(StrEnum):
    """How one run of :func:`reconcile` or ``notify.dispatch`` ended; also the name of a metric.

    After CLEARED and ACKNOWLEDGED nothing is due, after FAILED and MISSING there is nothing more to try. After the
    others the item is still due, so that the sweep finds it again.
    """

    CLEARED = "cleared"
    """No message was missing, or the event is over."""
    ACKNOWLEDGED = "acknowledged"
    """SES accepted the last message that was missing."""
    BUSY = "busy"
    """Another worker holds the claim, or wrote first in every round."""
    STOPPED = "stopped"
    """All mail is stopped."""
    DEFERRED = "deferred"
    """The limits of mails are reached: the invitation is due again in the next hour or day. Never a cancellation."""
    QUOTA_RESERVED = "quota-reserved"
    """An invitation or a notification, while the rest of the day's quota is reserved."""
    REFUSED = "refused"
    """SES did not accept the message now; a later attempt may succeed."""
    UNKNOWN = "unknown"
    """It is unknown whether SES accepted the message."""
    OUT_OF_TIME = "out-of-time"
    """The worker's function has too little time left to send, or too many mails have their turn before this one."""
    HELD = "held"
    """The change that is missing waits for further ones: the fan-out announces it, when its time has come."""
    SETTLING = "settling"
    """A message about one date of a series, which waits until the series has been delivered."""
    MORE = "more"
    """SES accepted one message, and another is due. Only within :func:`reconcile`, which then continues."""
    FAILED = "failed"
    """The message was given up. (After a CANCEL that was given up, an invitation elsewhere may still be due.)"""
    MISSING = "missing"
    """The item, or what it is about, does not exist."""


@frozen
class Worker:
    """One invocation of a function: the ``sender`` of its mails, the ``deadline`` (UTC) at which Lambda stops it, the
    time limits of the deployment, and the turns to send that it has drawn.
    """

    sender: Sender
    deadline: datetime
    times: Times = Times()
    turns: Turns = field(default_factory=Turns, compare=False)


def reconcile(
    event_id: str, registration_id: str, worker: Worker, *, seen: Snapshot | None = None, sending: Sending | None = None
) -> Steps[Outcome]:
    """Send the messages that are missing to one attendee, one after the other, until none is or one cannot be sent now.

    ``seen`` and ``sending``, if given, are used instead of the first reads; ``seen`` is what a batch of a fan-out read.
    Whoever is looked at alone, and is due nothing alone, is not informed of a change that waits. Where no message is
    missing, but a wait mail is, that becomes due (``waiting``). A round is lost when another worker wrote first; after
    ``worker.times.lost_writes`` lost rounds the outcome is BUSY.
    """
    lost_rounds, in_a_batch = 0, seen is not None
    while lost_rounds < worker.times.lost_writes:
        if seen is None or sending is None:
            seen, sending = yield from read_snapshot(event_id, registration_id)
        if seen is None:
            return Outcome.MISSING
        now = yield Clock()
        if attempts.leased(seen.invitation.lease_until, now):
            return Outcome.BUSY
        plan = decide(seen, worker.sender, now)
        if plan is None:
            hint, missing = None, missing_wait_mail(seen, now)
            due = in_a_batch or seen.invitation.due_key is not None
            if missing is not None and (due or not (yield from _held(event_id, now))):
                hint = yield from waiting.make_due(seen, missing, worker.times, now)
                if hint is None:
                    return Outcome.BUSY
            late = expired(seen, worker.sender, now)
            if (yield ClearDue(seen=seen.invitation, expired=late)):
                if hint is not None:
                    yield Enqueue(hint=hint, urgent=missing is WaitMail.CANCELLED)
                if late:
                    yield Log(what="expired", fields=_log_fields(seen.invitation, "the event is over"))
                return Outcome.CLEARED
        elif not in_a_batch and seen.invitation.due_key is None and (yield from _held(event_id, now)):
            return Outcome.HELD
        elif sending.stopped(now):
            return Outcome.STOPPED
        elif sending.reserved(now) and priority(plan.message, now, worker.times.soon) == INVITATION:
            return Outcome.QUOTA_RESERVED
        elif plan.message.recurrence_id is not None and not occurrence_may_follow(seen.invitation, now, worker.times):
            return Outcome.SETTLING
        else:
            done = yield from deliver(plan, seen, worker, sending)
            if done is Outcome.MORE:
                lost_rounds -= 1
            elif done is not None:
                return done
        lost_rounds += 1
        seen = None
    return Outcome.BUSY


def _held(event_id: str, now: datetime) -> Steps[bool]:
    """Whether a change of the event waits to be announced. Read after the event: what that has, the fan-out is for."""
    fan_out = yield ReadFanOut(event_id=event_id)
    return fan_out is not None and fan_out.waits(now)


def read_snapshot(event_id: str, registration_id: str) -> Steps[tuple[Snapshot | None, Sending]]:
    """Read invitation, registration and event together, or, where a writer is at one of them, in the order that keeps
    messages in order (see the module's docstring); and the switch over all mail.

    The snapshot is ``None`` if any of the three does not exist.
    """
    together = yield ReadTogether(event_id=event_id, registration_id=registration_id)
    if together is None:
        sending = yield ReadSending()
        invitation = yield ReadInvitation(event_id=event_id, registration_id=registration_id)
        registration = yield ReadRegistration(event_id=event_id, registration_id=registration_id)
        event = yield ReadEvent(event_id=event_id)
    else:
        sending, invitation, registration, event = together
    if invitation is None or registration is None or event is None:
        return None, sending
    return Snapshot(invitation=invitation, registration=registration, event=event), sending


# --- sending ------------------------------------------------------------------------------------------------------


def deliver(plan: Plan, seen: Snapshot, worker: Worker, sending: Sending) -> Steps[Outcome | None]:
    """Claim the message of ``plan``, store it, send it once, and record the result.

    ``None`` if another worker wrote first, so that the snapshot has to be read again.
    """
    times, message, before = worker.times, plan.message, seen.invitation
    now = yield Clock()
    urgency = priority(message, now, times.soon)
    policy = attempts.mail_policy(times)
    if attempts.too_late(policy, now, worker.deadline):
        return Outcome.OUT_OF_TIME
    until = None if cancels(message, seen.event) else sending.held_until(seen.event.account, now)
    if until is None:
        if not (yield from wait_for_turn(sending, worker.turns, urgent=urgency == URGENT)):
            return Outcome.OUT_OF_TIME
        now = yield Clock()
        if attempts.too_late(policy, now, worker.deadline):
            return Outcome.OUT_OF_TIME
        # After the wait: one that has no turn yet is tried again, and would be counted each time.
        until = yield from _counted(plan, seen, now)
        if until is not None:
            worker.turns.drawn.appendleft(now)  # for another mail
    if until is not None:
        return (yield from _defer(before, until, urgency))
    attempt = yield NewAttemptId()
    intent = intent_for(plan, before, attempt, now)
    begun = Claimed(
        before=Attempts(failed=before.attempts, unknown=intent.unknowns - 1), until=worker.deadline + policy.longest
    )
    claimed = yield Claim(
        seen=before,
        intent=intent,
        lease_until=begun.until,
        due_key=keys.due_key(urgency, begun.until),
        now=now,
        wait_mail=wait_mail_after(seen, message, intent.calendar_state, now),
    )
    if claimed is None:
        worker.turns.drawn.appendleft(now)
        yield from _counted(plan, seen, now, more=-1)
        return None
    if policy.exhausted(begun.before):
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNANSWERED, "SES never gave an answer"))

    rendered = yield from _stored_or_rendered(plan, intent, seen)
    if isinstance(rendered, str):
        return (yield from _give_up(claimed, seen, worker, now, Cause.UNRENDERABLE, rendered))
    if rendered is None:
        return (yield from _give_up(claimed, seen, worker, now, Cause.ERASED, "its record was erased"))
    if rendered.plainer:
        yield Log(what="mail made plainer", fields=_log_fields(claimed, ", ".join(rendered.plainer)))
    now = yield Clock()
    if attempts.too_late(policy, now, worker.deadline):
        yield ReleaseClaim(claimed=claimed, before=before, due_key=keys.due_key(urgency, now), attempts=before.attempts)
        return Outcome.OUT_OF_TIME

    answer = yield Send(
        rendered=rendered,
        intent=intent,
        event_id=before.event_id,
        registration_id=before.registration_id,
        links=links_for(seen.registration, intent.calendar_state.recipient),
        account=seen.event.account,
    )
    now, chance = (yield Clock()), (yield Random())
    after = attempts.outcome(begun, answer, policy, now, chance)
    if isinstance(answer, Refused):
        yield from heed(answer, sending, times, now, _log_fields(claimed, ""))
    match answer:
        case Accepted(ses_id=ses_id):
            # Another message may follow: after a CANCEL to one address a REQUEST to another; single dates of a series.
            more = next_message(seen.event, seen.registration, intent.calendar_state, worker.sender, now)
            waits = more is not None and more.recurrence_id is not None and message.date is None
            acknowledged = Acknowledged(
                calendar_state=intent.calendar_state, ses_id=ses_id, at=now, repair=intent.repair, resend=intent.resend
            )
            known = replace(seen, invitation=replace(claimed, acknowledged=acknowledged))
            left = more is not None or missing_wait_mail(known, now) is not None
            due_key = keys.due_key(urgency, now + times.settle if waits else now) if left else None
            anew = plan.repeats is not None and plan.repeats.failed
            return (yield from _record(claimed, acknowledged, now, urgency, due_key, anew=anew))
        case Refused(why=why) if after.stage is Stage.GIVEN_UP:
            return (yield from _give_up(claimed, seen, worker, now, why, "SES will never accept it"))
        case Refused():
            due_key = keys.due_key(urgency, after.not_before or now)
            yield ReleaseClaim(claimed=claimed, before=before, due_key=due_key, attempts=after.failed)
            return Outcome.REFUSED
        case Unknown(why=why):
            yield Log(what="unknown outcome", fields=_log_fields(claimed, why))
            yield HoldClaim(claimed=claimed, due_key=keys.due_key(urgency, after.not_before or begun.until))
            return Outcome.UNKNOWN
    raise TypeError(f"Send was answered with {type(answer).__name__}")


def links_for(registration: Registration, recipient: str) -> int | None:
    """The counter with which the links of a mail to ``recipient`` are signed. ``None`` if the registration has another
    address by now, or none: whoever has the former one must not get a link that is valid.
    """
    return registration.links if folded(registration.email) == folded(recipient) else None


def _counted(plan: Plan, seen: Snapshot, now: datetime, *, more: int = 1) -> Steps[datetime | None]:
    """When the limits allow the message, ``None``: now. A cancellation always is, and what was counted before: a
    repetition, and a resend, which the API counts. The first mails of a day are sent without counting them, so that an
    ordinary change costs no write. ``more`` is -1 to take back what was counted.
    """
    message, mailed = plan.message, seen.invitation.mailed
    if plan.repeats is not None or mailed.at(now).in_day < UNCOUNTED or cancels(message, seen.event):
        return None
    until: datetime | None = yield CountMail(
        account=seen.event.account, recipient=message.attendee.email, mailed=mailed, now=now, more=more
    )
    return until


def _defer(seen: Invitation, until: datetime, urgency: int) -> Steps[Outcome | None]:
    """Look again at ``until``. ``None`` if another worker wrote first."""
    if not (yield Defer(seen=seen, due_key=keys.due_key(urgency, until))):
        return None
    yield Log(what="message deferred", fields=_log_fields(seen, f"until {until.isoformat()}"))
    return Outcome.DEFERRED


def _stored_or_rendered(plan: Plan, intent: Intent, seen: Snapshot) -> Steps[RenderedMail | str | None]:
    """The mail to send: the stored one if this message was stored before, else a new one, stored before it is sent.

    A ``str`` says why the message cannot be rendered; ``None`` means that its stored mail was erased.
    """
    if plan.repeats is not None:
        stored = yield ReadStoredMessage(registration_id=seen.registration.registration_id, sequence=intent.sequence)
        if stored is not None and stored.rendered is not None:
            return stored.rendered  # type: ignore[no-any-return]
    rendered: RenderedMail | str = yield Render(message=plan.message, intent=intent)
    now = yield Clock()
    kept: StoredMessage = yield StoreMessage(
        stored=StoredMessage(
            registration_id=seen.registration.registration_id,
            event_id=seen.event.event_id,
            calendar_state=intent.calendar_state,
            rendered=None if isinstance(rendered, str) else rendered,
            written_at=now,
            expires_at=max(now, series.ends_at(seen.event)) + KEPT_AFTER_THE_EVENT,
            previous=accepted_last(seen.invitation),
        )
    )
    if kept.rendered is not None:
        return kept.rendered
    return rendered if isinstance(rendered, str) else None


def _record(
    claimed: Invitation, acknowledged: Acknowledged, now: datetime, urgency: int, due_key: str | None, *, anew: bool
) -> Steps[Outcome | None]:
    """Record that SES accepted the message; ``anew`` if it had been given up before."""
    result = yield Acknowledge(claimed=claimed, acknowledged=acknowledged, due_key=due_key)
    first = claimed.accepted(acknowledged.sequence)
    if result is AcknowledgeResult.OVERTAKEN or first is not None or anew:
        # Otherwise the invitation has it, until the next message is stored with it. Of one that was sent before, the
        # message keeps when that was; one that was overtaken is not the invitation's latest.
        yield RecordMessageState(
            registration_id=claimed.registration_id,
            sequence=acknowledged.sequence,
            state=DeliveryState.ACCEPTED,
            ses_id=acknowledged.ses_id,
            at=now if first is None else first.at,
        )
    if result is AcknowledgeResult.OVERTAKEN:
        # Another worker has claimed since: this mail may be older than its mail, and yet arrive after it.
        yield WakeUp(
            event_id=claimed.event_id,
            registration_id=claimed.registration_id,
            due_key=keys.due_key(urgency, now),
            repair=True,
        )
    if result is AcknowledgeResult.DONE:
        return Outcome.ACKNOWLEDGED
    return Outcome.MORE if result is AcknowledgeResult.STILL_DUE else None


def _give_up(
    claimed: Invitation, seen: Snapshot, worker: Worker, now: datetime, reason: str, why: str
) -> Steps[Outcome]:
    """Give the claimed message up: it can never be sent. ``reason`` is a code of SES's or a ``Cause``; ``why`` goes to
    the log. If it was a CANCEL, an invitation to another address may still be due after it.
    """
    yield Log(what="given up", fields={**_log_fields(claimed, why), "reason": reason})
    before, intent, due_key = seen.invitation, claimed.intent, None
    release = ReleaseClaim(
        claimed=claimed,
        before=before,
        due_key=None,
        attempts=before.attempts,
        failed=True,
        reason=reason,
        webhook_event=_failure_event(claimed, seen.event.account, reason, now),
    )
    if intent is not None and intent.calendar_state.method is Method.CANCEL:
        given_up = replace(
            claimed,
            highest_possibly_sent=before.highest_possibly_sent,
            possibly_sent=before.possibly_sent,
            intent=replace(intent, failed=True),
            lease_until=None,
            wait_mail=release.wait_mail,
        )
        more = decide(replace(seen, invitation=given_up), worker.sender, now)
        due_key = keys.due_key(priority(more.message, now, worker.times.soon), now) if more is not None else None
        if more is None and missing_wait_mail(replace(seen, invitation=given_up), now) is not None:
            due_key = keys.due_key(INVITATION, now)
    last = None if intent is None else before.accepted(intent.sequence)
    if last is not None and before.state in GRAVITY and before.state is not DeliveryState.FAILED:
        # From here on the invitation says that its repetition was given up: what became of the message it has to keep.
        yield RecordMessageState(
            registration_id=before.registration_id,
            sequence=last.sequence,
            state=before.state,
            ses_id=last.ses_id,
            at=last.at,
        )
    yield replace(release, due_key=due_key)
    return Outcome.FAILED


def _failure_event(claimed: Invitation, account: str, reason: str, now: datetime) -> NewWebhookEvent | None:
    """The ``invitation.failed`` webhook event: ids and codes only."""
    if claimed.intent is None:
        return None
    calendar_state = claimed.intent.calendar_state
    data = {
        "event_id": claimed.event_id,
        "registration_id": claimed.registration_id,
        "method": calendar_state.method.value,
        "sequence": calendar_state.sequence,
        "state": DeliveryState.FAILED.value,
        "reason": str(reason),
    }
    return NewWebhookEvent(account=account, type=WebhookEventType.INVITATION_FAILED, data=data, at=now)


def _log_fields(claimed: Invitation, why: str) -> dict[str, str]:
    """The log fields of a message: ids, SEQUENCE, and ``why``."""
    sequence = str(claimed.intent.sequence) if claimed.intent else ""
    return {"event": claimed.event_id, "registration": claimed.registration_id, "sequence": sequence, "why": why}
