"""What a webhook whose ``payload`` is "full" gets beside the ids: an event, or a registration, as the API has it."""

from __future__ import annotations

from typing import Any

from ..model import Event, Registration


def event_fields(event: Event) -> dict[str, Any]:
    """The event's content as the fields of a request that would create it."""
    conference = event.conference
    return {
        "title": event.title,
        "start": event.when.start.isoformat(),
        "end": event.when.end.isoformat(),
        "time_zone": event.when.time_zone,
        "organizer": {"name": event.organizer.name, "email": event.organizer.email},
        "description": event.description,
        "location": event.location,
        "url": event.url,
        "conference": {"label": conference.label, "uri": conference.uri} if conference else None,
        "reminders": [str(reminder) for reminder in event.reminders],
        "capacity": event.capacity,
        "release_on_decline": event.release_on_decline,
        "recurrence": event.rule,
        "status": event.status.value,
        "public": event.public,
        "confirm_address": event.confirm_address,
        "approval": event.approval,
        "guests": event.guests,
        "language": event.language or None,
        "questions": [
            {
                "question_id": question.question_id,
                "text": question.text,
                "kind": question.kind.value,
                "choices": list(question.choices),
                "required": question.required,
            }
            for question in event.questions
        ],
        "notify_after": event.notify_after,
        "external_id": event.external_id or None,
        "metadata": dict(event.metadata),
    }


def registration_fields(person: Registration) -> dict[str, Any]:
    """Who is registered, and for what. ``occurrences`` are the original starts that were chosen, ``None`` for all."""
    chosen = person.occurrences
    return {
        "name": person.name,
        "email": person.email,
        "language": person.language or None,
        "occurrences": None if chosen is None else [date.isoformat() for date in chosen],
        "guests": person.guests,
        "responses": dict(person.responses),
        "status": person.status.value,
        "external_id": person.external_id or None,
        "metadata": dict(person.metadata),
    }
