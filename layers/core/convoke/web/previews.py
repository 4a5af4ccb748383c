"""The route that previews the mails that a change would send."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..decision import fan_out, fingerprints
from ..decision.calendar_state import Message
from ..decision.decide import Snapshot
from ..decision.invitation import Invitation, WaitMail
from ..delivery.preview import EXAMPLES, MAILS_OF_AN_EXAMPLE, PreviewResult, preview
from ..effects import ReadPlace
from ..mail import asked_for_mail, header_fields, subjects, wording
from ..mail.asked_for_mail import AskedForContent
from ..mail.new_notifications import wait_notification
from ..mail.notifications import sent_as
from ..mail.placeholders import PERSONAL
from ..model import Event, EventStatus, InvalidField, Method
from ..registrations import events, split_transfer
from ..schedule import edits
from ..settings import settings
from ..store import keys
from ..store.events import SplitTransfer
from ..store.keys import instant
from . import context
from .events import must_end_later, restored
from .occurrences import (
    date_from,
    require_series,
    split_parts,
    split_transfer_of,
    upcoming_date,
    with_date_added,
    with_patch,
)
from .patches import patched
from .problems import Problem
from .requests import Cursor, EventPatch, OccurrencePatch, PreviewIn, ReopenIn
from .responses import PersonOut, PreviewExample, PreviewMail, PreviewOut, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/events/<event_id>/preview", summary="Preview the mails that a change would send", responses=documented(200)
)
def preview_change(event_id: str, body: PreviewIn, cursor: Cursor = None) -> Response[PreviewOut]:
    event, at = context.own_event(event_id), context.now()
    after, new, transfer = previewed_change(event, body, at)
    counts = dict.fromkeys(("update", "ask_again", "cancel", "invite", "waits", "none"), 0)
    examples: list[PreviewExample] = []
    mails = 0
    part = context.Part(event_id, f"preview of {event_id}", cursor)
    people = (Snapshot(invitation=invitation, registration=person, event=event) for person, invitation in part)
    for previewed in preview(people, after, settings().sender, at):
        also: tuple[Message, ...] = ()
        if new is not None and transfer is not None:
            also = invitations_to(new, transfer, event, previewed, at)
            previewed = replace(previewed, messages=previewed.messages + also)
        kind = previewed.kind
        counts[kind] += 1
        mails += len(previewed.messages) + (kind == "waits")
        if kind != "none" and (len(examples) < EXAMPLES or counts[kind] == 1):
            examples.append(example(previewed, after, at, also))
    told_at = None
    if transfer is None:
        priority = fan_out.change_urgency(event, after, at, settings().times)
        told_at = events.told_at(context.store(), event, after, priority=priority, now=at)
    shown = PreviewOut(
        **counts,
        messages=mails,
        examples=examples,
        told_at=instant(told_at) if told_at is not None else None,
        quiet=may_be_quiet(event, body),
        next=part.next,
    )
    return context.answer(200, shown)


def example(previewed: PreviewResult, after: Event, at: datetime, also: tuple[Message, ...]) -> PreviewExample:
    """The mails to one person, with those ``also`` about the new event of a split. The messages of ``previewed`` may
    have been computed for somebody who is alike, whose name and address they have: they are computed anew.
    """
    (alone,) = preview([previewed.seen], after, settings().sender, at)
    messages = alone.messages + also
    if previewed.wait_mail is not None and not messages:
        shown = wait_mail_shown(previewed.seen, previewed.wait_mail, at)
        registration_id = previewed.seen.registration.registration_id
        return PreviewExample(
            registration_id=registration_id, kind=previewed.kind, messages=[shown.subject], mails=[shown]
        )
    return PreviewExample(
        registration_id=previewed.seen.registration.registration_id,
        kind=previewed.kind,
        messages=[wording.words(message, at).subject for message in messages],
        mails=[mail_shown(message, at) for message in messages[:MAILS_OF_AN_EXAMPLE]],
    )


def wait_mail_shown(seen: Snapshot, mail: WaitMail, at: datetime) -> PreviewMail:
    """The wait mail ``mail`` as it would be sent at ``at`` (UTC)."""
    person, notification = seen.registration, wait_notification(seen.event, seen.registration, mail, at)
    place = ReadPlace(event_id=person.event_id, registration_id=person.registration_id)
    content = AskedForContent(
        kind=sent_as(mail, person),
        link=PERSONAL,
        holder=person,
        place=context.store().perform(place) if mail is WaitMail.PLACE else 0,
        cancelled=mail is WaitMail.CANCELLED,
    )
    return PreviewMail(
        method=None,
        to=PersonOut(name="", email=person.email),
        subject=asked_for_mail.subject(notification, content),
        text=asked_for_mail.text(notification, content),
    )


def mail_shown(message: Message, at: datetime) -> PreviewMail:
    """The mail that ``message`` would be at ``at`` (UTC)."""
    worded, to = wording.words(message, at), message.attendee
    return PreviewMail(
        method="CANCEL" if message.method is Method.CANCEL else "REQUEST",
        to=PersonOut(name=to.name, email=to.email),
        subject=header_fields.read(subjects.field(message, worded.subject)),
        text=wording.text(worded),
    )


def may_be_quiet(event: Event, body: PreviewIn) -> bool:
    """Whether the change is one of the event that nobody has to be informed of (``notify`` ``none``)."""
    if body.model_fields_set & {"cancel", "occurrence", "restore", "add", "split", "reopen"}:
        return False
    try:
        patched(event, EventPatch(**{**body.patch, "notify": "none"}))
    except InvalidField:
        return False
    return True


def previewed_change(event: Event, body: PreviewIn, at: datetime) -> tuple[Event, Event | None, SplitTransfer | None]:
    """The event as it would be after the change; of a split also the new event, and the transfer to it.

    Raises :class:`InvalidField` and :class:`Problem` as the change itself would.
    """
    if body.reopen is not None:
        require_only(body, "reopen")
    else:
        context.require_writable(event, at)
    if body.reason is not None and not body.cancel:
        raise InvalidField("reason", "is that of a cancellation: cancel must be given, too")
    if body.split is not None:
        require_only(body, "split")
        new_id = keys.random_id(bytes(16))
        old, new = split_parts(event, body.split, new_id, at)
        since = date_from(event, body.split)
        return old, new, split_transfer_of(event, since, new_id, at)
    if body.add is not None:
        require_only(body, "add")
        after = with_date_added(event, body.add, at)
    elif body.occurrence is not None:
        after = with_date_changed(event, body, body.occurrence, at)
    elif body.restore:
        raise InvalidField("restore", "is for a date: occurrence must name it")
    elif body.reopen is not None:
        after = reopened(event, body.reopen, at)
    elif body.cancel:
        require_only(body, "reason", "cancel")
        after = replace(event, status=EventStatus.CANCELLED, reason=body.reason or "")
    else:
        after, _ = patched(event, EventPatch(**body.patch))
        must_end_later(after, at, event)
    after = fingerprints.announced(event, after)
    return replace(after, version=event.version + 1, updated_at=at), None, None


def reopened(event: Event, body: ReopenIn, at: datetime) -> Event:
    """The cancelled event as it takes place again. Raises :class:`Problem` (409) for one that is over, or is not
    cancelled.
    """
    context.require_not_over(event, at)
    if event.status is not EventStatus.CANCELLED:
        raise Problem(HTTPStatus.CONFLICT, "the event is not cancelled", code="conflict")
    return edits.reopen(event, restored(event, body.occurrences, at))


def with_date_changed(event: Event, body: PreviewIn, name: str, at: datetime) -> Event:
    """The event with the date ``name`` (its original start) cancelled, restored or patched, as ``body`` says."""
    one = upcoming_date(event, name, at)
    require_series(event)
    if body.cancel:
        require_only(body, "occurrence", "reason", "cancel")
        return event if one.cancelled else edits.cancel_date(event, one.date, body.reason or "")
    if body.restore:
        require_only(body, "occurrence", "restore")
        return edits.restore_date(event, one.date)
    return with_patch(event, one, OccurrencePatch(**body.patch), at)


def require_only(body: PreviewIn, *names: str) -> None:
    """Raise :class:`InvalidField` if ``body`` has any other field than ``names``."""
    for other in sorted(body.model_fields_set - set(names)):
        raise InvalidField(other, f"must not be given together with {names[-1]}")


def invitations_to(
    new: Event, transfer: SplitTransfer, event: Event, previewed: PreviewResult, at: datetime
) -> tuple[Message, ...]:
    """The messages that somebody who is transferred to the new event of a split would be sent about it."""
    person = split_transfer.transferred(transfer, event, previewed.seen.registration, at)
    if person is None:
        return ()
    invitation = Invitation(event_id=new.event_id, registration_id=person.registration_id)
    (previewed,) = preview(
        [Snapshot(invitation=invitation, registration=person, event=new)], new, settings().sender, at
    )
    return previewed.messages
