"""What a change would tell whom, foreseen by the decision that tells it: for each as they are, and for many at once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Acknowledged, Intent, Stopped, WaitMail, WaitMailed
from convoke.delivery.preview import PreviewResult, preview
from convoke.model import DeliveryState, Event, EventStatus, Participation, RegistrationStatus, Reply
from convoke.store import keys
from tests.factories import NOW, SENDER, existing, invitation, registration
from tests.test_series_costs import choir, long_series, moved
from tests.test_series_messages import Attendee


def told(what: Event, number: int = 0, **changes: Any) -> Snapshot:
    """Somebody who was told all of ``what``."""
    person = registration(
        registration_id=keys.registration_id(NOW, number.to_bytes(16, "big")),
        email=f"person{number}@example.net",
        **changes,
    )
    bo = Attendee(person)
    bo.apply_report(what, 1000)
    assert bo.calendar_state is not None
    invited = invitation(
        registration_id=person.registration_id,
        allocated=bo.sequence,
        highest_possibly_sent=bo.sequence,
        possibly_sent=bo.calendar_state,
        intent=Intent(calendar_state=bo.calendar_state, attempt="a"),
        acknowledged=Acknowledged(calendar_state=bo.calendar_state, ses_id="ses", at=NOW),
    )
    return Snapshot(invitation=invited, registration=person, event=what)


def at(address: str, seen: Snapshot) -> Snapshot:
    """Somebody who is just as they are, at another address."""
    last = existing(seen.invitation.acknowledged)
    invited = replace(
        seen.invitation, acknowledged=replace(last, calendar_state=replace(last.calendar_state, recipient=address))
    )
    return replace(seen, invitation=invited, registration=replace(seen.registration, email=address))


def previewed(after: Event, *people: Snapshot) -> list[PreviewResult]:
    return list(preview(people, after, SENDER, NOW))


@pytest.mark.parametrize("state", [DeliveryState.BOUNCED, DeliveryState.COMPLAINED])
def test_who_may_not_be_mailed_would_be_told_nothing(state: DeliveryState) -> None:
    bo = told(choir())
    stopped = Stopped(address=bo.registration.email, state=state)
    gone = replace(bo, invitation=replace(bo.invitation, stopped=(stopped,)))
    assert [one.kind for one in previewed(moved(choir()), gone, bo)] == ["none", "ask_again"]


def test_who_was_not_reached_for_sure_would_be_told_again() -> None:
    bo = told(choir())
    in_doubt = replace(bo, invitation=replace(bo.invitation, allocated=9, highest_possibly_sent=9, acknowledged=None))
    sure, doubtful = previewed(choir(), bo, in_doubt)
    assert sure.messages == ()
    assert doubtful.messages != ()


def test_people_who_are_otherwise_are_told_apart() -> None:
    what = choir()
    plain = told(what, 1)
    waits = replace(plain, registration=replace(plain.registration, status=RegistrationStatus.WAITLISTED))
    away = told(what, 2, status=RegistrationStatus.REGISTERED)
    away = replace(away, registration=replace(away.registration, email="other@example.net"))
    some = told(what, 3, occurrences=(what.when.start,))
    new = Snapshot(invitation=invitation(), registration=registration(), event=what)
    after = replace(what, title="Quire", version=2)
    kinds = [one.kind for one in previewed(after, plain, waits, away, some, new)]
    assert kinds == ["update", "cancel", "invite", "update", "invite"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [(None, "waits"), (DeliveryState.COMPLAINED, "waits"), (DeliveryState.BOUNCED, "none")],
)
def test_who_waits_and_was_mailed_so_would_be_mailed_that_it_is_cancelled(
    state: DeliveryState | None, kind: str
) -> None:
    stopped = () if state is None else (Stopped(address="bo@example.net", state=state),)
    person = registration(status=RegistrationStatus.WAITLISTED, email="bo@example.net")
    waits = Snapshot(
        invitation=invitation(wait_mail=WaitMailed(mail=WaitMail.PLACE, links=0), stopped=stopped),
        registration=person,
        event=choir(),
    )
    unheard = replace(waits, invitation=replace(waits.invitation, wait_mail=None))
    found = previewed(replace(choir(), status=EventStatus.CANCELLED), waits, unheard)
    assert [one.kind for one in found] == [kind, "none"]
    assert [one.kind for one in previewed(replace(choir(), title="Quire"), waits)] == ["none"]


def test_who_has_answered_costs_no_more_than_who_has_not() -> None:
    bo = told(choir(), 1)
    yes = Reply(status=Participation.ACCEPTED, sequence=0, dtstamp=NOW)
    answered = replace(told(choir(), 2), registration=replace(told(choir(), 2).registration, reply=yes))
    first, second = previewed(replace(choir(), title="Quire"), bo, answered)
    assert len(first.messages) == len(second.messages) == 1 + 2
    assert second.seen.registration.email == "person2@example.net"


def test_thousands_at_a_series_with_many_changes_are_foreseen_within_seconds() -> None:
    what = long_series(50)
    one = told(what)
    people = [at(f"person{number}@example.net", one) for number in range(5000)]
    began = time.process_time()
    found = previewed(replace(what, title="Quire", version=2), *people)
    took = time.process_time() - began
    print(f"{len(people)} people, {sum(len(one.messages) for one in found)} messages: {took:.2f} s")
    assert {one.kind for one in found} == {"update"}
    assert took < 10


def test_a_cancelled_event_takes_all_back() -> None:
    what = choir()
    (one,) = previewed(replace(what, status=EventStatus.CANCELLED), told(what))
    assert (one.kind, len(one.messages)) == ("cancel", 1)
