"""How the inbox shows a series: its dates, against the model of a recipient, and its rule in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.postoffice import rules
from local.postoffice.agenda import Mark, agenda, find
from local.postoffice.calendars import show
from local.postoffice.entries import Entry, instant
from local.postoffice.letters import read
from tests import rfc5546
from tests.factories import existing
from tests.test_postoffice import BO, ics, mail

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2027, 3, 12, 9, tzinfo=BERLIN)
HOUR = "DURATION:PT1H"


def entries(*texts: str) -> tuple[Entry, ...]:
    return show([read(mail(text)) for text in texts], BO).entries


def span(start: datetime, length: timedelta = timedelta(hours=1)) -> str:
    zone = "TZID=Europe/Berlin"
    return f"DTSTART;{zone}:{start:%Y%m%dT%H%M%S}|DTEND;{zone}:{start + length:%Y%m%dT%H%M%S}"


# --- as the model of a recipient has it ---------------------------------------------------------------------------


@st.composite
def conversations(draw: st.DrawFn) -> list[str]:
    """Mails about one UID, as they arrive: of the whole, of single dates, moved and cancelled, and in any order."""
    mails = []
    for sequence in range(draw(st.integers(1, 6))):
        nth = draw(st.none() | st.integers(0, 4))
        method = draw(st.sampled_from(["REQUEST", "REQUEST", "CANCEL"]))
        if nth is None:
            out = draw(st.sets(st.integers(0, 3), max_size=2))
            rule = "|RRULE:FREQ=WEEKLY;COUNT=4" if draw(st.booleans()) else "|RDATE;TZID=Europe/Berlin:20270320T180000"
            without = "".join(f"|EXDATE;TZID=Europe/Berlin:{START + timedelta(weeks=n):%Y%m%dT%H%M%S}" for n in out)
            when = span(START) + rule + without
        else:
            original = START + timedelta(weeks=nth)
            moved = original + timedelta(days=draw(st.integers(0, 9)), hours=draw(st.integers(0, 2)))
            when = f"RECURRENCE-ID;TZID=Europe/Berlin:{original:%Y%m%dT%H%M%S}|" + span(moved)
        mails.append(ics(method, sequence=sequence, minute=sequence, title=f"told in {sequence}", when=when))
    return draw(st.permutations(mails))


@given(conversations())
@settings(max_examples=150, deadline=None)
def test_what_stands_is_what_stands_for_a_recipient_that_follows_rfc_5546_to_the_letter(mails: list[str]) -> None:
    recipient = rfc5546.Recipient()
    for text in mails:
        recipient.take(rfc5546.read(text.encode()))
    truth = {
        at: (one.start, one.end, one.title, one.location)
        for shown in recipient.shows().values()
        for at, one in shown.items()
    }
    shown = {}
    for item in agenda(entries(*mails)):
        dates = [(date.original, date.entry) for date in item.dates] or [(instant(item.entry.start), item.entry)]
        for at, entry in dates:
            if entry.stands:
                shown[at] = (instant(entry.start), instant(entry.end), entry.title, entry.where)
    assert shown == truth


# --- what a person sees of it -------------------------------------------------------------------------------------


def test_dates_are_in_order_of_when_they_are_now() -> None:
    beyond = f"RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000|{span(START + timedelta(days=15))}"
    (item,) = agenda(entries(ics(when=f"{span(START)}|RRULE:FREQ=WEEKLY;COUNT=3"), ics(sequence=1, when=beyond)))
    assert [(date.was.day, date.mark) for date in item.dates] == [
        (12, Mark.AS_PLANNED),
        (26, Mark.AS_PLANNED),
        (19, Mark.MOVED),
    ]
    assert (item.standing, item.counts()) == (3, [(Mark.MOVED, 1)])


def test_wall_time_stays_across_a_change_of_the_clock_and_so_does_the_length() -> None:
    (item,) = agenda(entries(ics(when=f"{span(START + timedelta(days=14))}|RRULE:FREQ=WEEKLY;COUNT=2")))
    first, second = (date.entry for date in item.dates)
    assert [f"{one.start:%H:%M%z}-{one.end:%H:%M%z}" for one in (first, second)] == [
        "09:00+0100-10:00+0100",
        "09:00+0200-10:00+0200",
    ]


def test_whole_days_have_dates_too() -> None:
    days = "DTSTART;VALUE=DATE:20270326|DTEND;VALUE=DATE:20270328|RRULE:FREQ=WEEKLY;COUNT=2"
    moved = "RECURRENCE-ID;VALUE=DATE:20270402|DTSTART;VALUE=DATE:20270403|DTEND;VALUE=DATE:20270405"
    (item,) = agenda(entries(ics(when=days), ics(sequence=1, when=moved)))
    assert [(date.original, date.entry.start, date.entry.end, date.mark) for date in item.dates] == [
        (date(2027, 3, 26), date(2027, 3, 26), date(2027, 3, 28), Mark.AS_PLANNED),
        (date(2027, 4, 2), date(2027, 4, 3), date(2027, 4, 5), Mark.MOVED),
    ]
    found = existing(find([item], "e.r.1@example.org", "20270326"))
    assert found.event["RECURRENCE-ID"].to_ical() == b"20270326"
    assert found.event["RECURRENCE-ID"].params == {"VALUE": "DATE"}


def test_a_date_of_a_zone_of_the_mail_s_own_is_named_in_it() -> None:
    weekly = ics(when=f"{span(START)}|RRULE:FREQ=WEEKLY;COUNT=3").replace("Europe/Berlin", "Our own")
    found = existing(find(agenda(entries(weekly)), "e.r.1@example.org", "20270319T080000Z"))
    for name in ("RECURRENCE-ID", "DTSTART", "DTEND"):
        assert found.event[name].params == {"TZID": "Our own"}


def test_single_dates_without_their_series_are_one_event() -> None:
    second = f"RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000|{span(START + timedelta(days=7))}"
    fourth = f"RECURRENCE-ID;TZID=Europe/Berlin:20270402T090000|{span(START + timedelta(days=22))}"
    told = [ics(when=second), ics(sequence=1, when=fourth), ics("CANCEL", sequence=2, when=second)]
    (item,) = agenda(entries(*told))
    assert (item.partial, item.standing) == (True, 1)
    assert [(date.was.day, date.entry.start.day, date.mark) for date in item.dates] == [
        (19, 19, Mark.CANCELLED),
        (2, 3, Mark.MOVED),
    ]
    assert find([item], item.entry.uid, "") is None


def test_a_series_that_was_cancelled_has_no_dates() -> None:
    weekly = f"{span(START)}|RRULE:FREQ=WEEKLY;COUNT=3"
    (item,) = agenda(entries(ics(when=weekly), ics("CANCEL", sequence=1, when=weekly)))
    assert (item.entry.stands, item.dates) == (False, ())


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;COUNT=2;UNTIL=nonsense"])
def test_a_rule_that_is_none_still_has_its_first_date(rule: str) -> None:
    shown = agenda(entries(ics(when=f"{span(START)}|RRULE:{rule}")))
    assert [len(item.dates) for item in shown] in ([1], [])  # a reader of iCalendar may refuse the mail as a whole


def test_a_rule_without_end_is_looked_at_only_so_far() -> None:
    (item,) = agenda(entries(ics(when=f"{span(START)}|RRULE:FREQ=DAILY")))
    assert len(item.dates) == rules.LONGEST


# --- the rule in words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY", "every day"),
        ("FREQ=DAILY;INTERVAL=3;COUNT=5", "every 3 days, 5 times"),
        ("FREQ=WEEKLY;COUNT=4", "every week, 4 times"),
        ("COUNT=4;INTERVAL=1;FREQ=WEEKLY;WKST=MO", "every week, 4 times"),
        ("FREQ=WEEKLY;INTERVAL=2", "every second week"),
        ("FREQ=WEEKLY;BYDAY=FR", "every Friday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;UNTIL=20270507T070000Z", "every second Friday until Fri 7 May 2027"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=FR", "every 3 weeks on Friday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "every second week on Monday and Friday"),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "every Monday, Wednesday and Friday"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
        ("FREQ=MONTHLY;COUNT=12", "every month, 12 times"),
        ("FREQ=MONTHLY;BYDAY=2FR", "every month on the second Friday"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday"),
        ("FREQ=MONTHLY;BYDAY=1FR,3FR", "every month on the first Friday and the third Friday"),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=12", "every second month on the 12th"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,22,-1", "every month on the 1st, 22nd and last day"),
        ("FREQ=YEARLY;UNTIL=20300312", "every year until Tue 12 March 2030"),
        ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12", "every year on the 12th of March"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1FR", "every year on the last Friday of March"),
        ("FREQ=YEARLY;BYMONTH=3,9", "every year in March and September"),
        ("freq=weekly;byday=fr", "every Friday"),
    ],
)
def test_a_rule_in_words(rule: str, words: str) -> None:
    assert rules.in_words(rule, START) == words


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
        "FREQ=MONTHLY;BYMONTHDAY=-17",
        "FREQ=DAILY;BYMONTH=1",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=YEARLY;BYMONTHDAY=1",
        "FREQ=HOURLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=WEEKLY;UNTIL=soon",
        "nonsense",
    ],
)
def test_a_rule_without_plain_words_is_shown_as_it_is_written(rule: str) -> None:
    assert rules.in_words(rule, START) == rule


def test_until_is_a_day_of_the_series_own_zone() -> None:
    auckland = datetime(2027, 3, 12, 9, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert rules.in_words("FREQ=DAILY;UNTIL=20270314T200000Z", auckland) == "every day until Mon 15 March 2027"
    assert [one.day for one in rules.starts(auckland, "FREQ=DAILY;UNTIL=20270314T200000Z")] == [12, 13, 14, 15]
    assert rules.starts(date(2027, 3, 12), "FREQ=DAILY;UNTIL=20270313") == (date(2027, 3, 12), date(2027, 3, 13))


def test_a_date_in_a_gap_of_the_clock_is_one_date() -> None:
    night = datetime(2027, 3, 27, 2, 30, tzinfo=BERLIN)
    utc = [one.astimezone(UTC).hour for one in rules.starts(night, "FREQ=DAILY;COUNT=3") if isinstance(one, datetime)]
    assert utc == [1, 1, 0]
