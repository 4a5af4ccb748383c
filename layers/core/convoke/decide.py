"""What to tell an attendee next: the heart of Convoke.

No function here asks *what changed*. What is true now is compared with what this attendee was told last, and the answer
is the one thing to say next, or nothing. Whoever is interrupted, doubled or late looks again and comes to the same end.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from .ledger import Invitation
from .model import (
    Event,
    EventStatus,
    Message,
    Method,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Sender,
    Told,
    When,
    folded,
)


def next_message(
    event: Event, registration: Registration, told: Told | None, sender: Sender, now: datetime
) -> Message | None:
    """The message that brings this attendee's calendar nearer to the truth, or ``None`` where there is nothing to say.

    ``told`` is ``None`` where nothing can have reached them; ``told.certain`` is false where nobody knows whether it
    did. ``now`` is UTC. Nothing is ever said about an event that is over.
    """
    return None if over(event, now) else unsaid(event, registration, told, sender)


def unsaid(event: Event, registration: Registration, told: Told | None, sender: Sender) -> Message | None:
    """What would be said if time did not pass: :func:`next_message` without the question whether it is too late."""
    if registration.status in (RegistrationStatus.DECLINED, RegistrationStatus.ERASED):
        return None  # whoever declined their seat wants to hear no more; of the erased nobody is left to tell
    expected = is_expected(event, registration)
    if told is None:
        return _request(event, registration, None, sender) if expected else None
    if told.method is Method.CANCEL:
        if not told.certain:
            # The entry may still stand, and a UID once cancelled is never used again: first be sure that it is gone.
            return _cancel(event, registration, told)
        return _request(event, registration, told, sender) if expected else None
    if (
        not expected
        or folded(told.recipient) != folded(registration.email)
        or folded(told.organizer) != folded(sender.address)
    ):
        return _cancel(event, registration, told)
    if told.certain and told.fingerprint == fingerprint(event, schema_of(told.fingerprint)):
        return None
    return _request(event, registration, told, sender)


def is_expected(event: Event, registration: Registration) -> bool:
    """Whether this person should have this event in their calendar."""
    return (
        event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        and registration.status is RegistrationStatus.REGISTERED
    )


def over(event: Event, now: datetime) -> bool:
    return event.when.ends_at <= now


def says_the_same(message: Message, told: Told) -> bool:
    """Whether sending ``told`` once more would say just what ``message`` says."""
    return (
        message.method is told.method
        and message.uid == told.uid
        and message.attendee.email == told.recipient
        and message.organizer.email == told.organizer
        # A cancellation says one thing only: gone.
        and (message.method is Method.CANCEL or message.fingerprint == told.fingerprint)
    )


def participation(registration: Registration, invitation: Invitation) -> Participation:
    """What this attendee last answered about the present when and where: derived, never stored."""
    last = invitation.acknowledged or invitation.intent
    return _answer(registration, last.told.asked if last else 0)


def _answer(registration: Registration, asked: int) -> Participation:
    reply = registration.reply
    return reply.status if reply is not None and reply.sequence >= asked else Participation.NEEDS_ACTION


def uid(event_id: str, registration_id: str, generation: int, domain: str) -> str:
    """The UID of one registration's entry (RFC 5545, section 3.8.4.7): whoever sees it can find the items."""
    return f"{event_id}.{registration_id}.{generation}@{domain}"


PRESSING, CHANGE, INVITATION = 0, 1, 2


def priority(message: Message, now: datetime, soon: timedelta) -> int:
    """How pressing: 0 for cancellations and changes of what begins ``soon``, 1 for other updates, 2 for invitations."""
    if message.method is Method.CANCEL:
        return PRESSING
    if message.before is None:
        return INVITATION
    begins = min(message.when.starts_at, message.before.when.starts_at)
    return PRESSING if begins - now <= soon else CHANGE


def _request(event: Event, registration: Registration, told: Told | None, sender: Sender) -> Message:
    standing = told is not None and told.method is Method.REQUEST
    generation = 1 if told is None else told.generation if standing else told.generation + 1
    before = told if standing else None
    same_place_and_time = before is not None and before.when == event.when and before.location == event.location
    asked = before.asked if before is not None and same_place_and_time else None
    return Message(
        method=Method.REQUEST,
        uid=before.uid if before else uid(event.event_id, registration.registration_id, generation, sender.domain),
        generation=generation,
        # One UID, one address to the letter: some calendars compare them with case.
        attendee=Person(name=registration.name, email=before.recipient if before else registration.email),
        organizer=Person(name=event.organizer.name, email=before.organizer if before else sender.address),
        reply_to=event.organizer,
        title=event.title,
        when=event.when,
        location=event.location,
        description=event.description,
        url=event.url,
        conference=event.conference,
        reminders=event.reminders,
        status=event.status,
        participation=Participation.NEEDS_ACTION if asked is None else _answer(registration, asked),
        asked=asked,
        fingerprint=fingerprint(event, SCHEMA),
        before=before,
        created_at=registration.created_at,
        updated_at=event.updated_at,
    )


def _cancel(event: Event, registration: Registration, told: Told) -> Message:
    """Take back what was told, as it was told: to the address, from the organizer, at the time that they know."""
    called_off = event.status is EventStatus.CANCELLED
    return Message(
        method=Method.CANCEL,
        uid=told.uid,
        generation=told.generation,
        attendee=Person(name=registration.name, email=told.recipient),
        organizer=Person(name=event.organizer.name, email=told.organizer),
        reply_to=event.organizer,
        title=told.title,
        when=told.when,
        location=told.location,
        status=EventStatus.CANCELLED,
        participation=_answer(registration, told.asked),
        asked=told.asked,
        fingerprint=told.fingerprint,
        before=told,
        called_off=called_off,
        reason=event.reason if called_off else "",
        created_at=registration.created_at,
        updated_at=event.updated_at,
    )


# --- fingerprints -------------------------------------------------------------------------------------------------

# The schema in which new messages are told. An old schema stays in `_CONTENT` for ever: what was told in it is compared
# in it, so that a deployment which learns to say more mails nobody.
SCHEMA = 1


def schema_of(fingerprint: str) -> int:
    return int(fingerprint.partition(":")[0])


def fingerprint(event: Event, schema: int = SCHEMA) -> str:
    """``<schema>:<digest>`` of all that an attendee sees of the event; equal content by another spelling is equal."""
    text = json.dumps(_CONTENT[schema](event), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{schema}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _content_1(event: Event) -> dict[str, object]:
    conference = event.conference
    return {
        "title": event.title.strip(),
        **_when(event.when),
        "rule": None,
        "location": event.location.strip(),
        "description": "\n".join(line.rstrip() for line in event.description.strip().splitlines()),
        "url": event.url.strip(),
        "conference": [conference.uri, conference.label.strip()] if conference else None,
        "reminders": sorted({(reminder.days, reminder.seconds) for reminder in event.reminders}),
        "status": event.status.value,
        "organizer": [event.organizer.name.strip(), event.organizer.email],
    }


def _when(when: When) -> dict[str, object]:
    """Wall times and instants both: a zone whose rules change moves the meeting though its wall time stays."""
    return {
        "start": when.start.isoformat(),
        "end": when.end.isoformat(),
        "zone": when.time_zone,
        "starts_at": when.starts_at.isoformat(),
        "ends_at": when.ends_at.isoformat(),
    }


_CONTENT = {1: _content_1}
