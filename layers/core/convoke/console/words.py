"""The states of people, mails and answers in plain words: what all pages of the console say of them.

Each function takes the API's own value (docs/api.md) and returns a :class:`Word`. A value that has no words is returned
as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from ..languages import Texts
from ..languages import gettext_noop as noop
from ..model import When, frozen
from ..store.codec import local_time

GOOD, BAD, WAIT, PLAIN = "good", "bad", "wait", ""


@frozen
class Word:
    """``text`` in a word or two, for a tag of the ``kind`` "good", "bad", "wait" or "" (``parts.tag``); ``meaning`` and
    ``advice`` are sentences: what it means, and what to do next. Both may be empty.
    """

    text: str
    kind: str = PLAIN
    meaning: str = ""
    advice: str = ""


def _say(text: str, kind: str = PLAIN, meaning: str = "", advice: str = "") -> Word:
    return Word(text=text, kind=kind, meaning=meaning, advice=advice)


Words = Mapping[str, Word]

STATUSES: Words = {
    "registered": _say(noop("Registered"), GOOD),
    "waitlisted": _say(noop("On the waitlist"), WAIT, noop("They are invited as soon as a seat comes free.")),
    "pending": _say(noop("Waits for your decision"), WAIT),
    "declined": _say(noop("Gave the seat back"), PLAIN, noop("They declined, and take no seat.")),
    "cancelled": _say(noop("Withdrawn"), PLAIN, noop("They take no seat, and are told nothing more.")),
    "erased": _say(noop("Erased"), PLAIN, noop("Their name, their address and their mails are deleted.")),
}
"""``status`` of a registration."""

ANSWERS: Words = {
    "needs-action": _say(noop("No answer yet")),
    "accepted": _say(noop("Coming"), GOOD),
    "declined": _say(noop("Not coming"), BAD),
    "tentative": _say(noop("Maybe"), WAIT),
    "delegated": _say(noop("Sends somebody else"), WAIT),
}
"""``participation`` of a registration, and ``status`` of an answer."""

DELIVERIES: Words = {
    "none": _say(noop("No mail yet"), PLAIN, noop("No invitation was sent to them so far.")),
    "pending": _say(noop("Waits to be sent"), WAIT, noop("The mail is sent by itself, as a rule at once.")),
    "accepted": _say(
        noop("Sent"), PLAIN, noop("The mail has left. Their mail server has not confirmed yet that it has it.")
    ),
    "delivered": _say(noop("Delivered"), GOOD, noop("Their mail server has the mail.")),
    "bounced": _say(noop("Came back"), BAD, noop("Their mail server does not take mail for this address.")),
    "complained": _say(noop("Marked as spam"), BAD, noop("They marked a mail as spam.")),
    "suppressed": _say(
        noop("Address is blocked"),
        BAD,
        noop("Mail to this address came back before, so that nothing is sent to it any more."),
    ),
    "failed": _say(noop("Could not be sent"), BAD, noop("The mail was given up.")),
    "expired": _say(noop("Not sent in time"), BAD, noop("The event was over before the mail could be sent.")),
    "unknown": _say(
        noop("Not known"), WAIT, noop("It is not known whether the mail has left. It is sent again if need be.")
    ),
}
"""``invitation.state`` of a registration, and ``state`` of a message."""

FAILURES: Words = {
    "unrenderable": _say(noop("No mail could be made of it.")),
    "unanswered": _say(noop("The mail service never said whether it took the mail.")),
    "erased": _say(noop("The person was erased meanwhile.")),
    "barred": _say(noop("This address may not be mailed.")),
}
"""``reason`` of a message that failed; else it is an error code of the mail service."""

KINDS: Words = {
    "cancellation": _say(noop("Does not know that it is cancelled"), BAD),
    "move": _say(noop("Does not know the new time or place"), BAD),
    "change": _say(noop("Does not know the latest details"), WAIT),
    "invitation": _say(noop("Was not invited"), WAIT),
    "waiting": _say(noop("Was not told that they wait"), WAIT),
    "answer": _say(noop("Their answer waits for you"), WAIT),
}
"""``kind`` in an event's ``attention``, the most urgent first; "waiting" is an "invitation" to who waits."""

CALL = noop("Call them.")
ANOTHER_ADDRESS = noop("Call them, and change the address: the new one is invited at once.")
MAILED_THERE = noop("Call them, and change the address: the new one is mailed at once.")
IF_GENUINE = noop("If it is genuine, let it count. If you do not know, ask them.")
REASONS: Words = {
    "pending": _say(
        noop("Waits to be sent"),
        WAIT,
        noop("The mail has not left yet."),
        noop("It is sent by itself. If it is urgent, call them."),
    ),
    "undelivered": _say(
        noop("Not confirmed"),
        WAIT,
        noop("The mail has left, and their mail server has not confirmed that it has it."),
        noop("Call them, or send it again."),
    ),
    "bounced": replace(DELIVERIES["bounced"], advice=ANOTHER_ADDRESS),
    "complained": _say(
        noop("Marked as spam"),
        BAD,
        noop("They marked a mail as spam, so that they are sent no invitations any more."),
        noop("Call them, or change the address if they want to have another one."),
    ),
    "suppressed": replace(DELIVERIES["suppressed"], advice=ANOTHER_ADDRESS),
    "failed": replace(DELIVERIES["failed"], advice=noop("Send it again. If that does not help, call them.")),
    "another-address": _say(
        noop("From another address"), WAIT, noop("The answer came from an address that is not theirs."), IF_GENUINE
    ),
    "in-their-name": _say(
        noop("In their name"),
        WAIT,
        noop("Somebody else sent the answer in their name, perhaps a calendar service."),
        IF_GENUINE,
    ),
}
"""``state`` in an event's ``attention``: why somebody was not reached, or why an answer does not count yet."""

CHANNELS: Words = {
    "mail": _say(noop("from their calendar, by mail")),
    "release": _say(noop("by a mail that was put aside, and then let count")),
    "api": _say(noop("through the API")),
    "web": _say(noop("on their page")),
}
"""``channel`` of an answer."""

SHOWINGS: Words = {
    "shown": _say(noop("Shown"), GOOD),
    "cancelled": _say(noop("Taken out")),
    "unknown": _say(
        noop("Not known"),
        WAIT,
        noop("A mail about it may or may not have left, or calendars differ in what they do with it."),
    ),
}
"""``state`` of an entry of somebody's calendar."""

QUARANTINE_REASONS: Words = {
    "virus": _say(noop("A virus was found in it.")),
    "size": _say(noop("It is too large.")),
    "header": _say(noop("It cannot be read: its head is too long.")),
    "parts": _say(noop("It cannot be read: it has too many parts.")),
    "depth": _say(noop("It cannot be read: its parts are nested too deeply.")),
    "from": _say(noop("It does not say clearly who sent it.")),
    "unreadable": _say(noop("It cannot be read.")),
    "tnef": _say(noop("It is in a form that only Outlook can read.")),
    "calendar": _say(noop("It has no answer of a calendar, and answers no mail of ours; or it has several.")),
    "automatic": _say(noop("A machine wrote it: an absence notice, a mailing list or a report.")),
    "method": _say(noop("Its calendar does something else than to answer.")),
    "mismatch": _say(noop("It contradicts itself on what it is.")),
    "several": _say(noop("It has several answers that do not belong together.")),
    "attendees": _say(noop("It does not say clearly whose answer it is.")),
    "partstat": _say(noop("Its answer is none that we know.")),
    "proposal": _say(noop("The time that it proposes is not possible.")),
    "spam": _say(noop("It looks like spam.")),
    "dmarc": _say(noop("It may be forged: the domain of the sender does not vouch for it.")),
    "spf": _say(noop("It may be forged: the domain of the sender does not vouch for it.")),
    "envelope": _say(noop("It may be forged: it came from another domain than it says.")),
    "google": _say(noop("Google Calendar sent it in their name.")),
    "uid": _say(noop("It answers no invitation of ours.")),
    "outdated": _say(noop("It answers an invitation that another one has replaced.")),
    "stranger": _say(noop("It came from an address that is not theirs.")),
    "sender": _say(noop("Somebody else at the same domain sent it in their name.")),
    "attendee": _say(noop("It is the answer of another address than theirs.")),
    "status": _say(noop("They are not registered any more.")),
    "future": _say(noop("It says that it was written in the future.")),
    "date": _say(noop("It is about a date that the event does not have.")),
    "range": _say(noop("It answers a date and all later ones at once, where only one or all can be answered.")),
    "over": _say(noop("It came when the event was over, or cancelled.")),
    "repeated": _say(noop("The same answer is known already.")),
    "old": _say(noop("A newer answer is known.")),
    "often": _say(noop("They wrote more often today than is passed on.")),
    "stopped": _say(noop("They asked for their invitation again, and it cannot be sent.")),
}
"""``reason`` of a quarantined mail."""


def _word(words: Words, texts: Texts, value: str | None) -> Word:
    found = words.get(value or "", _say(value or ""))
    text, meaning, advice = (texts.gettext(part) if part else "" for part in (found.text, found.meaning, found.advice))
    return Word(text=text, kind=found.kind, meaning=meaning, advice=advice)


status = partial(_word, STATUSES)
answer = partial(_word, ANSWERS)
delivery = partial(_word, DELIVERIES)
kind = partial(_word, KINDS)
reason = partial(_word, REASONS)
channel = partial(_word, CHANNELS)
showing = partial(_word, SHOWINGS)
quarantine_reason = partial(_word, QUARANTINE_REASONS)
failure = partial(_word, FAILURES)
"""Why a message failed; an error code of the mail service has no words of ours."""


# --- times --------------------------------------------------------------------------------------------------------


def when(texts: Texts, shown: Mapping[str, Any]) -> str:
    """``start`` to ``end`` in ``time_zone``, as the API shows them of an event, a date of it, a proposal or an entry:
    ``Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)``.
    """
    return texts.when(when_of(shown))


def when_short(texts: Texts, shown: Mapping[str, Any]) -> str:
    """The start alone: ``Fri 12 Mar 2027, 09:00``."""
    return texts.when_short(when_of(shown))


def when_of(shown: Mapping[str, Any], at: Mapping[str, Any] | None = None) -> When:
    """When something of the API's takes place, or another of its dates, ``at`` with ``start`` and ``end``."""
    start, end = (local_time((at or shown)[name]) for name in ("start", "end"))
    return When(start=start, end=end, time_zone=shown["time_zone"])


def date(texts: Texts, name: str) -> str:
    """A date of a series by its original start: ``Fri 12 Mar 2027, 09:00``."""
    found = local_time(name)
    return texts.day_and_time(texts.short_day(found), found)


def clock(texts: Texts, instant: str | None, time_zone: str | None) -> str:
    """An instant as the API shows it as a time of day, by the clock of a zone (UTC without one): ``09:00``; empty for
    none.
    """
    return "" if instant is None else texts.clock(_at(instant, time_zone))


def moment(texts: Texts, instant: str, time_zone: str | None) -> str:
    """An instant as the API shows it, by the clock of a zone (UTC without one): ``Fri 12 Mar 2027, 09:00``."""
    at = _at(instant, time_zone)
    return texts.day_and_time(texts.short_day(at), at)


def _at(instant: str, time_zone: str | None) -> datetime:
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(time_zone) if time_zone else UTC)
