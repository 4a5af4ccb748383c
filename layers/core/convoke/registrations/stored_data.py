"""Everything that is stored about one person at an event, for themselves to read: the registration, their answers, what
they were sent, and what came from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..decision.decide import participation
from ..decision.invitation import Invitation, StoredMessage, with_outcomes
from ..model import Event, Registration
from ..schedule import series
from ..store import codec, keys
from ..store.store import Store

MOST_BYTES = 3_500_000
"""Of the mails as they were sent, so many bytes at most: a response of Lambda has 6 MB. Of the others there is all but
the mail itself."""

LEFT_OUT = ("pk", "sk", "due_key", "due_shard", "expires_at", "person", "fence", "claim", "kept_in")
"""Attributes of items that say nothing about a person: where something is stored, and when it is looked at."""


def about(store: Store, event: Event, person: Registration, invitation: Invitation) -> dict[str, Any]:
    """All of it as JSON. Instants are UTC, local times are of the event's zone."""
    ids = person.event_id, person.registration_id
    return {
        "event": {
            "event_id": event.event_id,
            "title": event.title,
            "start": event.when.start.isoformat(),
            "end": event.when.end.isoformat(),
            "time_zone": event.when.time_zone,
            "ends_at": keys.instant(series.ends_at(event)),
            "organizer": {"name": event.organizer.name, "email": event.organizer.email},
        },
        "registration": _plain(codec.item(person, {})),
        "questions": {one.question_id: one.text for one in event.questions},
        "participation": participation(person, invitation).value,
        "invitation": {
            "state": invitation.state.value,
            "reason": invitation.reason,
            "stopped": [{"address": one.address, "state": one.state.value} for one in invitation.stopped],
        },
        "answers": list(_answers(store, person.registration_id)),
        "messages": list(_messages(store, invitation)),
        "notifications": [_plain(row) for row in store.notifications.rows(*ids)],
        "proposals": [_plain(row) for row in store.proposals.rows(*ids)],
        "new_address": _plain(codec.item(change, {})) if (change := store.address_changes.read(*ids)) else None,
        "mails_from_you": [{"kept_as": key} for _, key in store.received.linked(person.registration_id)],
        "mails_put_aside": [
            _plain(row) for row in store.quarantine.of_person(event.account, person.registration_id, person)
        ],
    }


def _answers(store: Store, registration_id: str) -> Iterator[dict[str, Any]]:
    for received in store.answers.everything(registration_id):
        yield _plain(codec.item(received, {}))


def _messages(store: Store, invitation: Invitation) -> Iterator[dict[str, Any]]:
    """Each message, newest last, with the mail as it was sent; the newest mails, as far as there is room."""
    every = list(store.reads.messages_with_mails(invitation.registration_id))
    room, shown = MOST_BYTES, set[int]()
    for one in reversed(every):
        size = 0 if one.rendered is None else len(one.rendered.mail)
        if size > room:
            break
        room -= size
        shown.add(one.calendar_state.sequence)
    for one in with_outcomes(every, invitation):
        yield _message(one, shown=one.calendar_state.sequence in shown)


def _message(one: StoredMessage, *, shown: bool) -> dict[str, Any]:
    state = one.calendar_state
    return {
        "method": state.method.value,
        "sequence": state.sequence,
        "uid": state.entry_uid,
        "recipient": state.recipient,
        "title": state.title,
        "written_at": keys.instant(one.written_at),
        "sent_at": None if one.sent_at is None else keys.instant(one.sent_at),
        "state": one.state.value,
        # Mails are ASCII: what is not is encoded in them.
        "mail": one.rendered.mail.decode("ascii", "replace") if shown and one.rendered is not None else None,
    }


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as JSON has it, without what is of no use to read."""
    return {name: _json(value) for name, value in item.items() if name not in LEFT_OUT}


def _json(value: Any) -> Any:
    match value:
        case str() | bool() | int() | None:
            return value
        case Mapping():
            return {str(name): _json(one) for name, one in value.items()}
        case list() | tuple() | set():
            return [_json(one) for one in value]
        case _:
            return str(value)
