"""What needs somebody, in the console: who was not reached, proposals of another time, mails that were put aside."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from convoke.decision.attention import Attention, AttentionKind, AttentionReason, Unreached
from convoke.effects import StoreUnreached
from convoke.inbound.reasons import Reason
from convoke.store import dynamo, keys
from tests.factories import NOW, answer, existing
from tests.secretary import Secretary
from tests.tables import everything
from tests.visitor import words_of

HOSTILE = "<script>alert(1)</script> “Bo” & Co"
EVERYBODY = "Everybody was reached."
ONE, OTHER = (keys.registration_id(NOW + timedelta(minutes=number), bytes(16)) for number in range(2))


def somebody(secretary: Secretary, **party: object) -> str:
    """A person who has been invited."""
    return secretary.world.invite(secretary.world.hold(**party))


def page_of(person: str) -> str:
    """The page of what needs somebody at the person's event."""
    return f"/console{person.partition('/registrations/')[0]}/attention"


def missed(
    secretary: Secretary,
    person: str,
    kind: AttentionKind = AttentionKind.CANCELLATION,
    state: AttentionReason = AttentionReason.BOUNCED,
    date: datetime | None = None,
) -> None:
    """As if this had not reached them."""
    _, _, event_id, _, registration_id = person.split("/")
    one = Attention(registration_id=registration_id, kind=kind, state=state, since=NOW, date=date)
    effect = StoreUnreached(event_id=event_id, was=None, now=Unreached(attention=one))
    secretary.store.surveys.store_unreached(effect)


def genuine(secretary: Secretary, person: str, quarantine_id: str = ONE) -> str:
    """Their answer from another address; answers where it is decided about, below the event."""
    _, _, event_id, _, registration_id = person.split("/")
    secretary.world.put_aside(
        person,
        quarantine_id=quarantine_id,
        reason=Reason.STRANGER,
        sender="bo@firm.example",
        answer=answer(uid="told@convoke.example.com"),
    )
    one = Attention(
        registration_id=registration_id,
        kind=AttentionKind.ANSWER,
        state=AttentionReason.ANOTHER_ADDRESS,
        since=NOW,
        quarantine_id=quarantine_id,
    )
    listed = secretary.store.surveys.unconfirmed_action(event_id, one, NOW + timedelta(days=7))
    dynamo.transact(secretary.world.client, [listed])
    return f"/console/events/{event_id}/quarantine/{quarantine_id}"


# --- who was not reached --------------------------------------------------------------------------------------------


def test_where_all_is_well_the_pages_say_so(secretary: Secretary) -> None:
    person = somebody(secretary)
    for path in (page_of(person), "/console/attention"):
        shown = secretary.get(path)
        assert shown.status == 200
        assert EVERYBODY in words_of(shown)
        assert "put aside, since" not in words_of(shown)


def test_who_was_not_reached_is_shown_by_urgency_with_why_and_what_to_do(secretary: Secretary) -> None:
    world = secretary.world
    event = world.hold()
    bo, cy, di = (
        world.register(event, email, name=name)
        for email, name in (("bo@example.net", "Bo"), ("cy@example.net", "Cy"), ("di@example.net", HOSTILE))
    )
    missed(secretary, bo, AttentionKind.INVITATION, AttentionReason.SUPPRESSED)
    missed(secretary, cy, AttentionKind.MOVE, AttentionReason.UNDELIVERED)
    missed(secretary, di, AttentionKind.CANCELLATION, AttentionReason.BOUNCED)
    shown = secretary.get(page_of(bo))
    said = words_of(shown)
    assert EVERYBODY not in said
    assert "<script>alert" not in shown.text
    order = ["Does not know that it is cancelled", "Does not know the new time or place", "Was not invited"]
    places = [said.index(text) for text in order]
    assert places == sorted(places)
    assert "Call them, and change the address: the new one is invited at once." in said
    assert f'href="/v1/console{di.replace("/registrations/", "/people/")}/change"' in shown.text
    assert "Since Fri 15 Jan 2027, 13:00." in said
    everywhere = words_of(secretary.get("/console/attention"))
    assert "3 people were not reached." in everywhere


def test_who_waits_and_was_not_reached_is_not_said_to_lack_an_invitation(secretary: Secretary) -> None:
    world = secretary.world
    event = world.hold(capacity=1)
    come, wait, want = (world.register(event, f"{name}@example.net", name=name) for name in ("Bo", "Cy", "Di"))
    for person in (wait, come, want):
        missed(secretary, person, AttentionKind.INVITATION)
    for page in (page_of(come), "/console/attention"):
        said = words_of(secretary.get(page))
        assert said.count("Was not invited") == said.count("Was not told that they wait") == 1
        assert "Was not invited Who Why What to do Bo " in said
        assert "Call them, and change the address: the new one is mailed at once." in said


def test_who_waits_and_could_not_be_mailed_so_is_not_offered_to_be_sent_it_again(secretary: Secretary) -> None:
    """The API sends messages of calendars again, and there is none."""
    world = secretary.world
    event = world.hold(capacity=1)
    _, waits = (world.register(event, f"{name}@example.net", name=name) for name in ("Bo", "Cy"))
    assert world.call("POST", f"{waits}/resend", {}).status == 409
    missed(secretary, waits, AttentionKind.INVITATION, AttentionReason.FAILED)
    shown = secretary.get(page_of(waits))
    assert "Call them." in words_of(shown)
    assert "Send it again" not in words_of(shown)


def test_at_an_event_that_is_cancelled_no_address_is_offered_to_be_changed(secretary: Secretary) -> None:
    """The API refuses it."""
    world = secretary.world
    event = world.hold(capacity=1)
    people = [world.register(event, f"{name}@example.net", name=name) for name in ("Bo", "Cy", "Di")]
    assert world.call("POST", f"{event}/cancel", {}).status == 200
    assert world.call("PATCH", people[0], {"email": "new@example.net"}).body["code"] == "event_cancelled"
    states = AttentionReason.BOUNCED, AttentionReason.SUPPRESSED, AttentionReason.COMPLAINED
    for person, state in zip(people, states, strict=True):
        missed(secretary, person, state=state)
    said = words_of(secretary.get(page_of(people[0])))
    assert said.count("Call them.") == 3
    assert "address:" not in said
    assert "Change the address" not in said


def test_what_did_not_arrive_is_sent_again_from_the_list(secretary: Secretary) -> None:
    person = somebody(secretary)
    missed(secretary, person, AttentionKind.MOVE, AttentionReason.UNDELIVERED)
    path = f"/console{person.replace('/registrations/', '/people/')}/resend"
    done = secretary.follow(secretary.sends(secretary.get(page_of(person)), path))
    assert "The latest mail is sent to them once more." in words_of(done)
    _, _, event_id, _, registration_id = person.split("/")
    assert existing(secretary.store.reads.invitation(event_id, registration_id)).resend == 1


def test_more_people_than_fit_are_on_further_pages(secretary: Secretary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoke.console.attention_page.AT_A_TIME", 1)
    event = secretary.world.hold()
    for name in ("bo", "cy"):
        missed(secretary, secretary.world.register(event, f"{name}@example.net"))
    first = secretary.get(f"/console{event}/attention")
    second = secretary.get(existing(re.search(r'href="/v1([^"]*cursor=[^"]*)"', first.text))[1])
    listed = [re.findall(r"[a-z]+@example\.net", shown.text) for shown in (first, second)]
    assert sorted(len(one) for one in listed) == [1, 1]
    assert {one for page in listed for one in page} == {"bo@example.net", "cy@example.net"}
    assert "cursor=" not in second.text


def test_the_most_urgent_event_comes_first(secretary: Secretary) -> None:
    first = somebody(secretary, title="First", start="2027-02-01T09:00:00", end="2027-02-01T10:00:00")
    second = somebody(secretary, title="Second")
    missed(secretary, first, AttentionKind.INVITATION)
    missed(secretary, second, AttentionKind.CANCELLATION)
    said = words_of(secretary.get("/console/attention"))
    assert said.index("Second") < said.index("First")


def test_a_series_that_is_under_way_is_looked_at_too(secretary: Secretary) -> None:
    series = {"recurrence": "FREQ=MONTHLY;COUNT=12", "start": "2026-10-12T09:00:00", "end": "2026-10-12T10:00:00"}
    person = somebody(secretary, title="Monthly", **series)
    missed(secretary, person)
    assert "Monthly" in words_of(secretary.get("/console/attention"))


# --- proposals ------------------------------------------------------------------------------------------------------


def test_a_proposal_is_accepted_once_it_was_seen_who_is_told(secretary: Secretary) -> None:
    person = somebody(secretary)
    event = person.partition("/registrations/")[0]
    path = f"/console{secretary.world.propose(person, comment=HOSTILE)}"
    assert "Another time is proposed." in words_of(secretary.get("/console/attention"))
    listed = secretary.get(page_of(person))
    assert HOSTILE in words_of(listed)
    assert "<script>alert" not in listed.text
    assert f'href="/v1{path}"' in listed.text
    shown = secretary.get(path)
    assert "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)" in words_of(shown)
    assert "Friday 12 March 2027, 15:00 to 16:30 (Europe/Berlin, UTC+01:00)" in words_of(shown)
    preview = secretary.sends(shown, f"{path}/accept")
    assert preview.status == 200, words_of(preview)
    assert "Nothing has been changed yet, and nobody has been mailed." in words_of(preview)
    assert "Moved: Kölner Treffen" in words_of(preview)
    assert secretary.world.call("GET", event).body["start"] == "2027-03-12T09:00:00"
    done = secretary.sends(preview, f"{path}/accept", step="send")
    assert (done.status, done.location) == (303, f"/console{event}?done=telling")
    assert secretary.world.call("GET", event).body["start"] == "2027-03-12T15:00:00"
    assert "It was accepted." in words_of(secretary.get(path))


def test_who_does_not_know_of_one_date_is_shown_with_the_day_on_which_it_takes_place(secretary: Secretary) -> None:
    person = somebody(secretary, recurrence="FREQ=WEEKLY;COUNT=3")
    event = person.partition("/registrations/")[0]
    date = "2027-03-19T09:00:00"
    missed(secretary, person, AttentionKind.MOVE, date=datetime.fromisoformat(date))
    assert "Fri 19 Mar 2027, 09:00 " in words_of(secretary.get(page_of(person)))
    assert "Moved from" not in words_of(secretary.get(page_of(person)))
    moved = {"start": "2027-03-20T11:00:00", "duration": "PT1H"}
    assert secretary.world.call("PATCH", f"{event}/occurrences/{date}", moved).status == 200
    assert "Sat 20 Mar 2027, 11:00 Moved from Fri 19 Mar 2027, 09:00." in words_of(secretary.get(page_of(person)))
    for (one,) in (
        secretary.world.call("GET", f"{event}/attention").body["items"],
        secretary.world.call("GET", event).body["attention"],
    ):
        assert (one["date"], one["start"]) == (date, moved["start"])


def test_a_proposal_for_one_date_moves_this_one(secretary: Secretary) -> None:
    person = somebody(secretary, recurrence="FREQ=WEEKLY;COUNT=3")
    event = person.partition("/registrations/")[0]
    date = NOW.replace(month=3, day=12, hour=9, tzinfo=None)
    path = f"/console{secretary.world.propose(person, date=date)}"
    preview = secretary.sends(secretary.get(path), f"{path}/accept")
    assert secretary.sends(preview, f"{path}/accept", step="send").status == 303, words_of(preview)
    starts = [one["start"] for one in secretary.world.call("GET", f"{event}/occurrences").body["items"]]
    assert starts == ["2027-03-12T15:00:00", "2027-03-19T09:00:00", "2027-03-26T09:00:00"]


def test_a_proposal_is_decided_about_however_many_there_were_before(secretary: Secretary) -> None:
    person = somebody(secretary)
    for number in range(501):
        path = secretary.world.propose(person, proposal_id=keys.registration_id(NOW, number.to_bytes(16, "big")))
    shown = secretary.get(f"/console{path}")
    assert shown.status == 200
    answer = secretary.sends(shown, f"/console{path}/decline")
    assert (answer.status, answer.location) == (303, f"{page_of(person)}?done=declined")


def test_a_proposal_for_an_event_with_added_dates_moves_the_first_one(secretary: Secretary) -> None:
    person = somebody(secretary)
    event = person.partition("/registrations/")[0]
    added = {"start": "2027-03-20T11:00:00", "end": "2027-03-20T12:00:00"}
    assert secretary.world.call("POST", f"{event}/occurrences", added).status == 201
    path = f"/console{secretary.world.propose(person)}"
    preview = secretary.sends(secretary.get(path), f"{path}/accept")
    assert "Moved: Kölner Treffen" in words_of(preview)
    assert secretary.sends(preview, f"{path}/accept", step="send").status == 303
    starts = [one["start"] for one in secretary.world.call("GET", f"{event}/occurrences").body["items"]]
    assert starts == ["2027-03-12T15:00:00", "2027-03-20T11:00:00"]


def test_whoever_saw_the_event_before_it_was_changed_sees_the_proposal_again(secretary: Secretary) -> None:
    person = somebody(secretary)
    event = person.partition("/registrations/")[0]
    path = f"/console{secretary.world.propose(person)}"
    shown = secretary.get(path)
    assert secretary.world.call("PATCH", event, {"title": "Another title"}).status == 200
    again = secretary.sends(shown, f"{path}/accept")
    assert again.status == 422
    assert "This was changed meanwhile" in words_of(again)
    assert secretary.world.call("GET", event).body["start"] == "2027-03-12T09:00:00"


def test_a_proposal_is_declined_once(secretary: Secretary) -> None:
    person = somebody(secretary)
    event = person.partition("/registrations/")[0]
    path = f"/console{secretary.world.propose(person)}"
    shown = secretary.get(path)
    for _ in range(2):
        done = secretary.follow(secretary.sends(shown, f"{path}/decline"))
        assert "Declined. Whoever proposed it is told by mail." in words_of(done)
    (found,) = secretary.world.call("GET", f"{event}/proposals").body["items"]
    assert found["status"] == "declined"
    notes = [
        row
        for row in everything(secretary.world.client)["Invitations"]
        if row["sk"].startswith(keys.NOTIFICATION_PREFIX)
    ]
    assert len(notes) == 1
    late = secretary.sends(shown, f"{path}/accept")
    late = secretary.sends(late, f"{path}/accept", step="send")
    assert late.status == 422
    assert "It was declined." in words_of(secretary.get(path))


# --- mails that were put aside --------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", [{}, {"organizer": "ada@example.org"}])
def test_a_genuine_answer_from_another_address_is_let_count(secretary: Secretary, session: dict[str, str]) -> None:
    person = somebody(secretary)
    path = genuine(secretary, person)
    secretary.sign_in(**session)
    shown = secretary.get(page_of(person))
    said = words_of(shown)
    assert EVERYBODY in said
    assert "bo@firm.example" in said
    assert "It came from an address that is not theirs." in said
    assert "It answers: Coming." in said
    done = secretary.follow(secretary.sends(shown, f"{path}/release"))
    assert "The answer counts." in words_of(done)
    assert "bo@firm.example" not in words_of(done)
    assert secretary.world.call("GET", person).body["participation"] == "accepted"


def test_a_mail_is_discarded_and_the_other_stays(secretary: Secretary) -> None:
    person = somebody(secretary)
    first, second = genuine(secretary, person), genuine(secretary, person, OTHER)
    shown = secretary.get(page_of(person))
    for _ in range(2):
        assert "The mail is discarded." in words_of(secretary.follow(secretary.sends(shown, f"{first}/drop")))
    assert secretary.world.call("GET", person).body["participation"] == "needs-action"
    late = secretary.sends(shown, f"{first}/release")
    assert late.status == 422
    assert f"/v1{second}/release" in late.text


def test_what_can_never_count_is_only_discarded(secretary: Secretary) -> None:
    person = somebody(secretary)
    changes = {"reason": Reason.VIRUS, "sender": "", "subject": HOSTILE}
    secretary.world.put_aside(person, quarantine_id=ONE, **changes)
    shown = secretary.get(page_of(person))
    assert "<script>alert" not in shown.text
    assert "A virus was found in it." in words_of(shown)
    assert "nobody in particular" in words_of(shown)
    assert "/release" not in shown.text
    path = f"/console{person.partition('/registrations/')[0]}/quarantine/{ONE}"
    token = secretary.get(page_of(person))
    assert secretary.sends(token, f"{path}/drop").status == 303


def test_an_account_decides_about_mails_that_name_no_event(secretary: Secretary) -> None:
    person = somebody(secretary)
    secretary.world.put_aside(person, quarantine_id=ONE, event_id=None, registration_id=None, answer=None)
    genuine(secretary, person, OTHER)
    shown = secretary.get("/console/attention")
    assert f"/console/quarantine/{ONE}/release" not in shown.text
    done = secretary.follow(secretary.sends(shown, f"/console/quarantine/{ONE}/drop"))
    assert "The mail is discarded." in words_of(done)
    done = secretary.follow(secretary.sends(shown, f"/console/quarantine/{OTHER}/release"))
    assert "The answer counts." in words_of(done)
    assert EVERYBODY in words_of(done)
    assert secretary.world.call("GET", person).body["participation"] == "accepted"


def test_an_organizer_is_told_where_the_mails_of_their_events_are(secretary: Secretary) -> None:
    person = somebody(secretary)
    missed(secretary, person)
    genuine(secretary, person)
    secretary.sign_in(organizer="ada@example.org")
    said = words_of(secretary.get("/console/attention"))
    assert "One person was not reached." in said
    assert "An answer waits for you." in said
    assert "bo@firm.example" not in said
    assert "are on the page of that event" in said


# --- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", [{"account": "other"}, {"organizer": "eve@example.org"}])
def test_nobody_else_sees_or_decides_anything(secretary: Secretary, session: dict[str, str]) -> None:
    person = somebody(secretary, title="Hidden")
    missed(secretary, person)
    path = genuine(secretary, person)
    proposal = f"/console{secretary.world.propose(person)}"
    secretary.sign_in(**session)
    assert "Hidden" not in words_of(secretary.get("/console/attention"))
    before = everything(secretary.world.client)
    for seen in (page_of(person), proposal):
        assert secretary.get(seen).status == 404
    for decided in (
        *(f"{path}/{decision}" for decision in ("release", "drop")),
        *(f"/console/quarantine/{ONE}/{decision}" for decision in ("release", "drop")),
        *(f"{proposal}/{decision}" for decision in ("accept", "decline")),
    ):
        shown = secretary.post(decided, {})
        assert shown.status in (404, 422), decided
        assert "Hidden" not in words_of(shown)
    assert everything(secretary.world.client) == before


def test_a_mail_of_another_event_of_the_account_is_not_decided_below_this_one(secretary: Secretary) -> None:
    person, elsewhere = somebody(secretary), somebody(secretary)
    genuine(secretary, person)
    genuine(secretary, elsewhere, OTHER)
    secretary.sign_in(organizer="ada@example.org")
    shown = secretary.get(page_of(person))
    token = {"token": re.findall(r'name="token" value="([^"]*)"', shown.text)[-1]}
    event = person.partition("/registrations/")[0]
    for decision in ("release", "drop"):
        assert secretary.post(f"/console{event}/quarantine/{OTHER}/{decision}", token).status in (404, 422)
    assert secretary.world.call("GET", elsewhere).body["participation"] == "needs-action"


def test_nothing_is_decided_by_a_form_that_no_page_showed(secretary: Secretary) -> None:
    person = somebody(secretary)
    path = genuine(secretary, person)
    proposal = f"/console{secretary.world.propose(person)}"
    secretary.get(page_of(person))  # makes the keys that forms are signed with
    before = everything(secretary.world.client)
    for decided in (
        *(f"{path}/{decision}" for decision in ("release", "drop")),
        *(f"/console/quarantine/{ONE}/{decision}" for decision in ("release", "drop")),
        *(f"{proposal}/{decision}" for decision in ("accept", "decline")),
    ):
        shown = secretary.post(decided, {"token": "forged", "step": "send"})
        assert shown.status == 422, decided
        assert "This page was open for too long." in words_of(shown)
    assert everything(secretary.world.client) == before
