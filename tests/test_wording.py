"""What a mail says: which dates, what to do now, where answers go, and why somebody gets it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

import pytest

from convoke import languages
from convoke.calendar import itip
from convoke.decision.calendar_state import Message
from convoke.decision.decide import is_same_message, next_message
from convoke.mail import invitation_mail, wording
from convoke.mail.freemail import is_freemail
from convoke.model import DateChange, Event, EventStatus, Method, Participation, Person, Sender, When
from tests.factories import MORNING, NOW, SENDER, event, existing, message, registration
from tests.mailbox import read_mail

DEAF = replace(SENDER, receives_replies=False)
WEEKLY = event(title="Choir", rule="FREQ=WEEKLY;COUNT=4")
"""On 12, 19 and 26 March and 2 April 2027, 09:00 to 10:30 in Berlin."""
HALF_OVER = datetime(2027, 3, 20, 12, tzinfo=UTC)
ORGANIZER = "organized by Ada <ada@example.org>."
TO_WITHDRAW = "To withdraw, and get no more mail about it, use the link above; it is meant for you alone."


def first(what: Event = WEEKLY, now: datetime = NOW, sender: Sender = SENDER) -> Message:
    """The invitation of somebody who registers at ``now``."""
    return existing(next_message(what, registration(), None, sender, now))


def details(said: Message, now: datetime) -> dict[str, str]:
    return {detail.label: detail.now for detail in wording.words(said, now).details}


def stored(said: Message) -> EmailMessage:
    return read_mail(invitation_mail.rendered(said, sequence=0, dtstamp=NOW).mail)


# --- which dates --------------------------------------------------------------------------------------------------


def test_who_joins_a_series_late_is_told_the_first_date_to_come() -> None:
    said = first(now=HALF_OVER)
    assert wording.words(said, HALF_OVER).subject == "Invitation: Choir · from Fri 26 Mar 2027, 09:00"
    assert details(said, HALF_OVER)["When"] == "Friday 26 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)"
    assert details(said, HALF_OVER)["Dates"].split("\n") == [
        "Friday 26 March 2027",
        "Friday 2 April 2027",
        "(2 earlier dates are over)",
    ]


def test_no_date_that_is_over_is_named_whatever_the_mail_is_about() -> None:
    invited = first()
    told = invited.calendar_state(sequence=0, dtstamp=NOW)
    moved = replace(WEEKLY, when=When(start=datetime(2027, 3, 12, 11), end=datetime(2027, 3, 12, 12), time_zone="UTC"))
    off = replace(WEEKLY, changes=(DateChange(date=datetime(2027, 3, 26, 9, 0), cancelled=True),))
    late = first(off, HALF_OVER)
    for what in (moved, replace(WEEKLY, location="Dom"), replace(WEEKLY, title="Quire")):
        said = existing(next_message(what, registration(), told, SENDER, HALF_OVER))
        late_text = wording.text(wording.words(said, HALF_OVER))
        assert "12 March" not in late_text
        assert "19 March" not in late_text
        assert "26 March" in late_text
        assert wording.words(said, HALF_OVER).subject.endswith(
            "26 Mar 2027, " + ("11:00" if what is moved else "09:00")
        )
    assert details(late, HALF_OVER)["Dates"] == "Friday 2 April 2027\n(2 earlier dates are over)"


def test_a_move_of_a_series_that_is_half_over_says_which_date_to_come_was_when() -> None:
    told = first().calendar_state(sequence=0, dtstamp=NOW)
    later = replace(WEEKLY, when=replace(MORNING, start=datetime(2027, 3, 13, 9), end=datetime(2027, 3, 13, 10, 30)))
    said = existing(next_message(later, registration(), told, SENDER, HALF_OVER))
    when = next(detail for detail in wording.words(said, HALF_OVER).details if detail.label == "When")
    assert when.was.startswith("Friday 26 March 2027, 09:00")
    assert when.now.startswith("Saturday 27 March 2027, 09:00")


def test_a_date_that_goes_on_is_not_over() -> None:
    during = datetime(2027, 3, 19, 9, 29, tzinfo=UTC)  # it ends at 10:30 in Berlin
    assert details(first(), during)["When"].startswith("Friday 19 March")
    assert details(first(), during + timedelta(minutes=1))["When"].startswith("Friday 26 March")


@pytest.mark.parametrize(
    ("now", "dates", "subject"),
    [
        (
            datetime(2027, 3, 27, tzinfo=UTC),
            "Friday 2 April 2027\n(3 earlier dates are over)",
            "Choir · Fri 2 Apr 2027",
        ),
        (datetime(2027, 4, 3, tzinfo=UTC), "none any more\n(4 earlier dates are over)", "Choir · Fri 2 Apr 2027"),
        (datetime(2027, 3, 13, tzinfo=UTC), "Friday 19 March 2027", "Choir · from Fri 19 Mar 2027"),
    ],
)
def test_the_last_dates_of_a_series(now: datetime, dates: str, subject: str) -> None:
    assert details(first(), now)["Dates"].startswith(dates)
    assert subject in wording.words(first(), now).subject


def test_a_cancelled_series_names_the_dates_that_are_off_and_not_those_that_took_place() -> None:
    told = first().calendar_state(sequence=0, dtstamp=NOW)
    said = message(
        title="Choir",
        method=Method.CANCEL,
        rule=WEEKLY.rule,
        before=told.known,
        cancelled_for_all=True,
    )
    made = wording.words(said, HALF_OVER)
    assert made.subject == "Cancelled: Choir · from Fri 26 Mar 2027, 09:00"
    assert "19 March" not in wording.text(made)


def test_a_series_and_one_of_its_dates_do_not_have_the_same_subject() -> None:
    alone = existing(next_message(WEEKLY, registration(occurrences=(MORNING.start,)), None, SENDER, NOW))
    assert wording.words(alone, NOW).subject == "Invitation: Choir · Fri 12 Mar 2027, 09:00"
    assert wording.words(first(), NOW).subject == "Invitation: Choir · from Fri 12 Mar 2027, 09:00"


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (datetime(2027, 3, 12, 9), datetime(2027, 3, 12, 10), "Fri 12 Mar 2027, 09:00"),
        (datetime(2027, 12, 31, 22), datetime(2028, 1, 1, 2), "Fri 31 Dec 2027, 22:00"),
        (date(2027, 4, 2), date(2027, 4, 2), "Fri 2 Apr 2027"),
        (date(2027, 4, 2), date(2027, 4, 5), "Fri 2 to Mon 5 Apr 2027"),
        (date(2027, 4, 30), date(2027, 5, 2), "Fri 30 Apr to Sun 2 May 2027"),
        (date(2027, 12, 31), date(2028, 1, 2), "Fri 31 Dec 2027 to Sun 2 Jan 2028"),
    ],
)
def test_a_subject_ends_with_the_date(start: datetime, end: datetime, said: str) -> None:
    when = When(start=start, end=end, time_zone="UTC" if isinstance(start, datetime) else None)
    assert languages.texts_in("en").when_short(when) == said
    assert wording.words(message(when=when), NOW).subject == f"Invitation: Kölner Treffen · {said}"


def test_a_long_title_is_shortened_in_the_subject_and_whole_in_the_mail() -> None:
    title = "The yearly general assembly of everybody who ever sang in the choir, with elections and a supper"
    made = wording.words(message(title=title), NOW)
    assert made.subject == (
        "Invitation: The yearly general assembly of everybody who ever sang in the… · Fri 12 Mar 2027, 09:00"
    )
    assert f"You are invited to “{title}”." in wording.text(made)


# --- what to do now -----------------------------------------------------------------------------------------------


def test_a_cancellation_claims_of_no_calendar_that_it_does_it_by_itself() -> None:
    said = wording.words(message(method=Method.CANCEL), NOW).closing
    assert said == "Your calendar removes the entry, or asks you to. If you have questions, answer this mail."


@pytest.mark.parametrize("participation", [Participation.NEEDS_ACTION, Participation.ACCEPTED])
@pytest.mark.parametrize("given_away", [True, False])
def test_that_declining_gives_the_seat_away_is_said_where_it_does(
    given_away: bool, participation: Participation
) -> None:
    invited = first(event(release_on_decline=given_away))
    said = wording.words(replace(invited, participation=participation), NOW).closing
    sentence = (
        "If you decline in your calendar, your seat is given away and you are sent no more mail about this event."
    )
    assert (sentence in said) is given_away


def news(said: Message) -> str:
    return wording.words(said, NOW).headline


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (event(title="Chor"), "You are invited to “Chor”."),
        (event(title="Chor", status=EventStatus.TENTATIVE), "You are invited to “Chor”. It is not yet certain to take"),
        (WEEKLY, "You are invited to “Choir”."),
    ],
)
def test_the_first_invitation_after_the_waitlist_says_that_a_seat_has_come_free(what: Event, says: str) -> None:
    promoted = registration(promoted=1)
    said = existing(next_message(what, promoted, None, SENDER, NOW))
    assert news(said).startswith(f"A seat has come free for you. {says}")
    assert "A seat has come free for you." in stored(said).as_string()
    assert "seat" not in news(first(what))
    known = said.calendar_state(sequence=0, dtstamp=NOW)
    assert next_message(what, registration(), known, SENDER, NOW) is None, "it is no reason to send anything"
    moved = existing(next_message(replace(what, location="Hall", version=2), promoted, known, SENDER, NOW))
    assert "seat" not in news(moved)


def test_of_several_dates_only_the_first_invitation_says_that_a_seat_has_come_free() -> None:
    promoted = registration(promoted=1, occurrences=(MORNING.start, MORNING.start + timedelta(days=7)))
    one = existing(next_message(WEEKLY, promoted, None, SENDER, NOW))
    other = existing(next_message(WEEKLY, promoted, one.calendar_state(sequence=0, dtstamp=NOW), SENDER, NOW))
    assert news(one).startswith("A seat has come free for you. You are invited to “Choir” on ")
    assert news(other).startswith("You are invited to “Choir” on ")


def test_an_invitation_under_a_new_uid_says_it_only_where_that_began_on_the_waitlist() -> None:
    what = event()
    invited = existing(next_message(what, registration(promoted=1), None, SENDER, NOW))
    known = invited.calendar_state(sequence=0, dtstamp=NOW)
    off = next_message(replace(what, status=EventStatus.CANCELLED), registration(promoted=1), known, SENDER, NOW)
    assert off is not None
    gone = off.calendar_state(sequence=1, dtstamp=NOW)
    for promoted, says in ((1, False), (2, True)):
        again = existing(next_message(what, registration(promoted=promoted), gone, SENDER, NOW))
        assert again.generation == 2
        assert ("A seat has come free" in news(again)) is says


def test_an_answer_to_one_date_gives_no_seat_away_and_the_mail_does_not_say_so() -> None:
    what = replace(WEEKLY, release_on_decline=True)
    alone = existing(next_message(what, registration(occurrences=(MORNING.start,)), None, SENDER, NOW))
    assert "seat" not in wording.words(alone, NOW).closing
    assert "seat" in wording.words(first(what), NOW).closing
    assert "seat" not in wording.words(first(what, sender=DEAF), NOW).closing


def test_where_there_are_entries_beside_it_the_seat_goes_with_the_last_and_the_mail_says_so() -> None:
    beside = datetime(2027, 3, 23, 18)
    what = replace(WEEKLY, release_on_decline=True, added=(beside,))
    sentence = (
        "If you decline every entry of this event in your calendar, your seat is given away "
        "and you are sent no more mail about it."
    )
    invited = first(what)
    entry = existing(next_message(what, registration(), invited.calendar_state(sequence=0, dtstamp=NOW), SENDER, NOW))
    assert entry.separate
    for said in (invited, entry):
        assert wording.words(said, NOW).closing.endswith(sentence)
    off = replace(what, changes=(DateChange(date=beside, cancelled=True),))
    assert "your seat is given away" in wording.words(first(off), NOW).closing
    assert "every entry" not in wording.words(first(off), NOW).closing, "there is one"
    assert "every entry" not in wording.words(first(what, now=datetime(2027, 3, 25, tzinfo=UTC)), NOW).closing


def test_only_a_question_that_is_asked_anew_is_asked_again() -> None:
    told = first().calendar_state(sequence=0, dtstamp=NOW)
    for what, again in ((replace(WEEKLY, title="Quire"), ""), (replace(WEEKLY, location="Dom"), " again")):
        said = existing(next_message(what, registration(), told, SENDER, NOW))
        assert wording.words(said, NOW).closing.startswith(f"Please say{again} whether you will come")


def test_a_date_that_takes_place_after_all_is_an_invitation_and_no_update() -> None:
    """To who was told that it is off, "updated" would not say that it is on."""
    date = MORNING.start
    person = registration(occurrences=(date,))
    off = replace(WEEKLY, changes=(DateChange(date=date, cancelled=True, reason="The hall is taken."),))
    state, said = None, first()
    for sequence, what in enumerate((WEEKLY, off, WEEKLY)):
        said = existing(next_message(what, person, state, SENDER, NOW))
        state = said.calendar_state(sequence=sequence, dtstamp=NOW)
    words = wording.words(said, NOW)
    assert words.subject == "Invitation: Choir · Fri 12 Mar 2027, 09:00"
    assert words.headline == "You are invited to “Choir” on Friday 12 March 2027."
    assert words.closing.startswith("Please say whether")


def test_a_date_that_moves_beyond_its_neighbour_a_second_time_is_moved_as_the_first_time() -> None:
    plain, beyond = MORNING.start, datetime(2027, 3, 20, 9)
    there = When(start=beyond, end=beyond + timedelta(hours=1), time_zone="Europe/Berlin")
    away = replace(WEEKLY, changes=(DateChange(date=plain, when=there),))
    state, subjects = None, []
    for what in (WEEKLY, away, WEEKLY, away):
        while (said := next_message(what, registration(), state, SENDER, NOW)) is not None:
            state = said.calendar_state(sequence=0 if state is None else state.sequence + 1, dtstamp=NOW)
            subjects.append(wording.words(said, NOW).subject)
    assert subjects[-2:] == ["Moved: Choir · Sat 20 Mar 2027, 09:00"] * 2 == subjects[1:3]


def test_a_setting_that_only_changes_words_is_no_reason_to_mail_anybody() -> None:
    told = first(event()).calendar_state(sequence=0, dtstamp=NOW)
    assert next_message(event(release_on_decline=True), registration(), told, DEAF, NOW) is None
    assert is_same_message(first(event(release_on_decline=True), sender=DEAF), told)


@pytest.mark.parametrize("what", [event(), WEEKLY])
def test_where_no_replies_are_received_a_mail_asks_for_nothing_that_nobody_hears(what: Event) -> None:
    said = first(what, sender=DEAF)
    assert wording.words(said, NOW).closing == (
        "If you cannot come, please tell the organizer: answer this mail. "
        "What you answer in your calendar does not reach them."
    )
    calendar = itip.calendar(said, sequence=0, dtstamp=NOW).decode()
    assert "RSVP=FALSE" in calendar.replace("\r\n ", "")
    assert "X-MICROSOFT-DISALLOW-COUNTER:TRUE" in calendar
    assert stored(said)["Reply-To"] == "Ada <ada@example.org>"


def test_where_replies_are_received_they_are_asked_for() -> None:
    calendar = itip.calendar(first(), sequence=0, dtstamp=NOW).decode()
    assert "RSVP=TRUE" in calendar.replace("\r\n ", "")
    assert "X-MICROSOFT-DISALLOW-COUNTER" not in calendar


# --- where answers by hand go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "receives", "answers_go_to"),
    [
        ("ada@example.org", True, "ada@example.org"),
        ("ada@example.org", False, "ada@example.org"),
        ("ada@gmail.com", True, None),
        ("ada@gmail.com", False, "ada@gmail.com"),
        ("Ada@GMX.DE", True, None),
    ],
)
def test_a_reply_to_costs_no_points_where_answers_come_to_us_anyway(
    email: str, receives: bool, answers_go_to: str | None
) -> None:
    for kind in Method:
        said = message(reply_to=Person(name="Ada", email=email), receives_replies=receives, method=kind)
        header = stored(said)["Reply-To"]
        assert (header and header.addresses[0].addr_spec) == answers_go_to


@pytest.mark.parametrize(
    ("address", "free"),
    [
        ("a@gmail.com", True),
        ("a@GoogleMail.com", True),
        ("a@yahoo.co.uk", True),
        ("a@yahoo.com.br", True),
        ("a@hotmail.fr", True),
        ("a@gmx.net", True),
        ("a@web.de", True),
        ("a@live.example.org", False),
        ("a@outlook.example.co.uk", False),
        ("a@mygmail.com", False),
        ("a@gmail.com.example.org", False),
        ("a@live", False),
        ("gmail.com@example.org", False),
        ("", False),
    ],
)
def test_which_addresses_are_at_a_provider_of_free_mail(address: str, free: bool) -> None:
    assert is_freemail(address) is free


# --- why one is told ----------------------------------------------------------------------------------------------


def test_a_mail_ends_with_why_one_gets_it() -> None:
    invited, off = message(), message(method=Method.CANCEL)
    assert wording.words(invited, NOW).why == (
        f"You get this mail because bo@example.net is registered for “Kölner Treffen”, {ORGANIZER} {TO_WITHDRAW}"
    )
    assert wording.words(off, NOW).why == (
        f"You get this mail because bo@example.net was registered for “Kölner Treffen”, {ORGANIZER}"
    )
    assert wording.text(wording.words(invited, NOW)).endswith(f"{ORGANIZER} {TO_WITHDRAW}\n")
    assert wording.text(wording.words(off, NOW)).endswith(f"{ORGANIZER}\n")


def test_beside_a_reply_to_at_a_free_provider_no_other_address_is_named() -> None:
    """SpamAssassin's FREEMAIL_REPLYTO: two such addresses, one in Reply-To and another in the text."""
    said = message(reply_to=Person(name="Ada", email="ada@gmail.com"), receives_replies=False)
    assert wording.words(said, NOW).why == (
        "You get this mail because this address is registered for “Kölner Treffen”, organized by Ada <ada@gmail.com>. "
        + TO_WITHDRAW
    )
    assert "bo@example.net" in wording.words(replace(said, receives_replies=True), NOW).why


def test_no_name_or_title_makes_a_line_of_its_own() -> None:
    said = message(
        title="Choir\n\nYou get this mail because you won",
        attendee=Person(name="x", email="bo@example.net"),
        reply_to=Person(name="Ada\r\n\u202eeve", email="ada@example.org"),
    )
    made = wording.words(said, NOW)
    assert "\n" not in made.why + made.headline + made.subject
    assert "\u202e" not in wording.text(made)
