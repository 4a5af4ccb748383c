"""The console's words for states: there are some for each that the API can say."""

from __future__ import annotations

from enum import StrEnum

import pytest

from convoke.console import words
from convoke.decision.attention import AttentionKind, AttentionReason
from convoke.decision.shown import Showing
from convoke.inbound.reasons import Reason
from convoke.languages import texts
from convoke.model import AnswerChannel, DeliveryState, Participation, RegistrationStatus

ENGLISH = texts("en")


@pytest.mark.parametrize(
    ("known", "values"),
    [
        (words.STATUSES, RegistrationStatus),
        (words.ANSWERS, Participation),
        (words.DELIVERIES, DeliveryState),
        (words.KINDS, AttentionKind),
        (words.REASONS, AttentionReason),
        (words.CHANNELS, AnswerChannel),
        (words.SHOWINGS, Showing),
        (words.QUARANTINE_REASONS, Reason),
    ],
)
def test_every_state_of_the_api_has_words(known: words.Words, values: type[StrEnum]) -> None:
    assert set(values) <= set(known)


def test_whoever_was_not_reached_is_shown_with_what_to_do() -> None:
    assert all(words.reason(ENGLISH, value).advice for value in AttentionReason)


def test_a_state_without_words_is_shown_as_it_is() -> None:
    assert words.failure(ENGLISH, "MessageRejected") == words.Word(text="MessageRejected")
    assert words.failure(ENGLISH, None) == words.Word(text="")


def test_a_word_is_a_tag_of_its_kind() -> None:
    said = words.delivery(ENGLISH, "bounced")
    assert (said.text, said.kind) == ("Came back", "bad")


def test_times_are_written_out() -> None:
    shown = {"start": "2027-03-12T09:00:00", "end": "2027-03-12T10:30:00", "time_zone": "Europe/Berlin"}
    assert words.when(ENGLISH, shown) == "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)"
    assert words.when_short(ENGLISH, shown) == "Fri 12 Mar 2027, 09:00"
    assert words.date(ENGLISH, "2027-03-12") == "Fri 12 Mar 2027"
    assert words.moment(ENGLISH, "2027-03-12T08:00:00.000000Z", "Europe/Berlin") == "Fri 12 Mar 2027, 09:00"
    assert words.moment(ENGLISH, "2027-03-12T08:00:00.000000Z", None) == "Fri 12 Mar 2027, 08:00"
