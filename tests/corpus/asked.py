"""Who was asked what: the invitations that the mails of the corpus answer.

Bo is asked to a meeting, which was moved once (SEQUENCE 0 and 1), to a weekly one and to one of whole days; Cléo is
asked to the meeting, and alone to another event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Acknowledged
from convoke.decision.messages import uid
from convoke.inbound.uids import ids_of
from convoke.model import Event, Registration, RegistrationStatus, Reply, When
from tests import factories
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID, SENDER

Look = Callable[[str], Snapshot | None]

SEQUENCE = 1
"""The highest that was given for each of them."""

_DAY = When(start=date(2027, 3, 12), end=date(2027, 3, 12))


def _id(first: str) -> str:
    return first + EVENT_ID[1:]


def _uid(event_id: str, registration_id: str, generation: int = 1) -> str:
    return uid(event_id, registration_id, generation, SENDER.domain)


CLEO_ID = "01abcdefgv" + EVENT_ID
MEETING = _uid(EVENT_ID, REGISTRATION_ID)
NEXT = _uid(EVENT_ID, REGISTRATION_ID, 2)
CLEO_S = _uid(EVENT_ID, CLEO_ID)
WEEKLY = _uid(_id("1"), "01abcdefgh" + _id("1"))
DAYS = _uid(_id("2"), "01abcdefgh" + _id("2"))
ELSEWHERE = _uid(_id("3"), "01abcdefgv" + _id("3"))
UNKNOWN = _uid(_id("9"), "01abcdefgh" + _id("9"))


def _seen(uid: str, event: Event, registration: Registration) -> Snapshot:
    ids = {"event_id": event.event_id, "registration_id": registration.registration_id}
    told = factories.told(uid=uid, sequence=SEQUENCE, dtstamp=NOW, recipient=registration.email)
    acknowledged = Acknowledged(calendar_state=told, ses_id="ses", at=NOW)
    return Snapshot(
        event=event,
        registration=replace(registration, event_id=event.event_id),
        invitation=factories.invitation(
            allocated=SEQUENCE, highest_possibly_sent=SEQUENCE, acknowledged=acknowledged, **ids
        ),
    )


def _asked(uid: str, event: Event, *, cleo: bool = False) -> Snapshot:
    ids = ids_of(uid)
    assert ids is not None
    person = {"name": "Cléo Petit", "email": "cleo@example.com"} if cleo else {}
    return _seen(uid, event, factories.registration(registration_id=ids[1], **person))


_ALL = {
    ids_of(uid): seen
    for uid, seen in (
        (MEETING, _asked(MEETING, factories.event())),
        (CLEO_S, _asked(CLEO_S, factories.event(), cleo=True)),
        (WEEKLY, _asked(WEEKLY, factories.event(event_id=_id("1"), rule="FREQ=WEEKLY;COUNT=4"))),
        (DAYS, _asked(DAYS, factories.event(event_id=_id("2"), when=_DAY, rule="FREQ=WEEKLY;COUNT=4"))),
        (ELSEWHERE, _asked(ELSEWHERE, factories.event(event_id=_id("3")), cleo=True)),
    )
}


def look(uid: str) -> Snapshot | None:
    """By the ids in the UID alone, as the store looks."""
    return _ALL.get(ids_of(uid))


def having(*, status: RegistrationStatus = RegistrationStatus.REGISTERED, reply: Reply | None = None) -> Look:
    """As :func:`look`, where every registration has this status, or this answer."""

    def changed(uid: str) -> Snapshot | None:
        seen = look(uid)
        return seen and replace(seen, registration=replace(seen.registration, status=status, reply=reply))

    return changed


def addressed(email: str) -> Look:
    """As :func:`look`, where every registration has this address."""

    def changed(uid: str) -> Snapshot | None:
        seen = look(uid)
        return seen and replace(seen, registration=replace(seen.registration, email=email))

    return changed


RECEIVED = NOW + timedelta(minutes=30)
