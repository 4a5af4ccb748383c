"""What the mail says to a person: its subject and its text. English, until there are other languages.

Text and HTML (``page``) are made from the same :class:`Wording`, so that neither says what the other does not. Outlook
shows them instead of the calendar's DESCRIPTION: all that matters stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..calendar.content_lines import clean, one_line
from ..calendar.itip import address, uri
from ..decision.calendar_state import Message, PreviousState
from ..model import (
    EventStatus,
    LocalTime,
    Method,
    Person,
    Schedule,
    When,
    frozen,
)
from ..schedule import series
from .date_text import clock, day, in_short, in_words
from .freemail import is_freemail
from .subjects import subject


@frozen
class DetailRow:
    """One row of the table: what is so ``now``, what ``was`` so before where it was not, and where a click leads."""

    label: str
    now: str
    was: str = ""
    link: str = ""


@frozen
class Wording:
    """All that a mail says. ``closing`` is what the attendee may do now, ``why`` the reason that they get this mail."""

    subject: str
    headline: str
    facts: tuple[DetailRow, ...]
    description: str
    closing: str
    why: str


def words(message: Message, now: datetime) -> Wording:
    """What ``message`` says, on lines without control characters.

    ``now``, UTC, is when it is said: of a series the dates that are over by then are not named.
    """
    title = one_line(message.title)
    about = f"“{title}”" + (f" on {day(_as_known(message).start)}" if message.date is not None else "")
    kind, headline = _news(message, about)
    return Wording(
        subject=subject(kind, title, _date_in_subject(message, now)),
        headline=headline,
        facts=tuple(_facts(message, now)),
        description=clean(message.description).strip(),
        closing=_closing(message),
        why=_why(message, about if message.method is Method.CANCEL else f"“{title}”"),
    )


def _as_known(message: Message) -> When:
    """When it is, as far as the attendee knows: the day by which they know one date of a series."""
    return message.before.when if message.before is not None else message.when


def _date_in_subject(message: Message, now: datetime) -> str:
    """When it is. Of several dates the first to come, with a word that tells them from a mail about that date alone."""
    several = message.recurs and len(_to_come(message.schedule, _cancelled(message), now)) > 1
    return ("from " if several else "") + in_short(message.instead or _when(message, now))


def text(said: Wording) -> str:
    """``said`` as plain text."""
    rows = [
        row
        for fact in said.facts
        for row in (
            ((f"{fact.label}:", f"was: {fact.was}"), ("", f"now: {fact.now}"))
            if fact.was
            else ((f"{fact.label}:", fact.now),)
        )
    ]
    width = max(len(label) for label, _ in rows) + 1
    below = "\n" + " " * width
    table = "\n".join(f"{label:<{width}}{value.replace(chr(10), below)}" for label, value in rows)
    return "\n\n".join(part for part in (said.headline, table, said.description, said.closing, said.why) if part) + "\n"


def _news(message: Message, title: str) -> tuple[str, str]:
    """The word that the subject begins with, and the sentence that says what happened."""
    if message.method is Method.CANCEL:
        if message.instead is not None:
            moves = _moves(message)
            return ("Moved", f"{title} has been moved.") if moves else ("Updated", f"{title} has been updated.")
        if message.called_off:
            return "Cancelled", f"{title} has been cancelled."
        return "Cancelled", f"This invitation to {title} has been withdrawn."
    before = message.before
    if before is None:
        kind, news = "Invitation", f"You are invited to {title}."
    elif before.certain and before.when != message.when:
        kind, news = "Moved", f"{title} has been moved."
    elif before.certain and _other_dates(message, before):
        kind, news = "Dates changed", f"The dates of {title} have changed."
    else:
        kind, news = "Updated", f"{title} has been updated."
    if message.status is EventStatus.TENTATIVE:
        return f"{kind} (tentative)", f"{news} It is not yet certain to take place."
    return kind, news


def _other_dates(message: Message, before: PreviousState) -> bool:
    """Whether a series has other dates than before, or takes place on one that had been cancelled."""
    restored = any(one.cancelled for one in message.kept)
    return restored or (before.schedule is not None and before.schedule != message.schedule)


def _facts(message: Message, now: datetime) -> Iterator[DetailRow]:
    before = message.before if message.before and message.before.certain and message.method is Method.REQUEST else None
    when = in_words(message.instead or _when(message, now))
    where, title = one_line(message.location), one_line(message.title)
    if message.method is Method.CANCEL and (reason := one_line(message.reason)):
        yield DetailRow(label="Reason", now=reason)
    if before and one_line(before.title) != title:
        yield DetailRow(label="What", now=title, was=one_line(before.title))
    was_when = in_words(_was(message, before, now)) if before and before.when != message.when else ""
    was_when = in_words(message.when) if _moves(message) else was_when
    yield DetailRow(label="When", now=when, was=_other(was_when, when))
    if message.recurs:
        yield DetailRow(label="Dates", now=_dates(message, now))
    was_where = _other(one_line(before.location), where) if before else ""
    if where or was_where:
        yield DetailRow(label="Where", now=where or "no place given", was=was_where)
    if message.conference:
        link = uri(message.conference.uri)
        yield DetailRow(label=one_line(message.conference.label) or "Join", now=link, link=link)
    if message.url:
        yield DetailRow(label="More", now=uri(message.url), link=uri(message.url))
    link = f"mailto:{uri(address(message.reply_to.email))}"
    yield DetailRow(label="Organizer", now=in_full(message.reply_to), link=link)


# --- which dates --------------------------------------------------------------------------------------------------

SHOWN = 12
"""The dates of a series that are named one by one."""


def _dates(message: Message, now: datetime) -> str:
    """The dates of a series that are to come, a line each; of many the first ones and the last. A time stands by those
    that begin at another than the first. Of those that are over only the number is told.
    """
    gone = _cancelled(message)
    dates = _to_come(message.schedule, gone, now)
    usual = clock(dates[0]) if dates else ""
    named = [day(date) + (f", {clock(date)}" if clock(date) != usual else "") for date in dates]
    shown, last = named[:SHOWN], named[SHOWN:]
    if len(last) == 1:
        shown += last
    elif last:
        shown.append(f"and {len(last)} more, the last on {last[-1]}")
    if not shown:
        shown.append("none any more")
    if earlier := len(_standing(message.schedule, gone)) - len(dates):
        shown.append(f"({earlier} earlier {'date is' if earlier == 1 else 'dates are'} over)")
    return "\n".join(shown)


def _when(message: Message, now: datetime) -> When:
    """When it is, of a series the first of its dates to come."""
    return _first(message.schedule, _cancelled(message), now) if message.recurs else message.when


def _was(message: Message, before: PreviousState, now: datetime) -> When:
    """When it was, as the attendee knows it, of a series the first of its dates that were to come."""
    if before.schedule is None:
        return before.when
    cancelled = {one.date for one in message.upon.dates if one.cancelled} if message.upon is not None else set()
    return _first(before.schedule, frozenset(cancelled), now)


def _first(schedule: Schedule, cancelled: frozenset[LocalTime], now: datetime) -> When:
    """The first date to come; where there is none the last that stands, or that there was."""
    dates = _to_come(schedule, cancelled, now)[:1] or _standing(schedule, cancelled)[-1:] or [schedule.when.start]
    return series.when_at(schedule, dates[0])


def _to_come(schedule: Schedule, cancelled: frozenset[LocalTime], now: datetime) -> list[LocalTime]:
    """The dates that take place and are not over at ``now`` (UTC), in their order."""
    times = series.times(schedule)
    return [start for start in _standing(schedule, cancelled) if times[start].ends_at > now]


def _standing(schedule: Schedule, cancelled: frozenset[LocalTime]) -> list[LocalTime]:
    return [start for start in series.starts(schedule) if start not in cancelled]


def _cancelled(message: Message) -> frozenset[LocalTime]:
    return frozenset(message.without)


def _other(was: str, now: str) -> str:
    return was if was != now else ""


def _moves(message: Message) -> bool:
    """Whether it takes a date back that is told at another time as another entry."""
    return message.instead is not None and message.instead != message.when


# --- what to do now, and why one is told -----------------------------------------------------------------------------


def _closing(message: Message) -> str:
    if message.instead is not None:
        return "Your calendar removes the entry as it was; another mail brings it as it is now."
    if message.method is Method.CANCEL:
        rest = " The other dates are as they were." if message.others_stay else ""
        return f"Your calendar removes the entry, or asks you to.{rest} If you have questions, answer this mail."
    if not message.receives_replies:
        return (
            "If you cannot come, please tell the organizer: answer this mail. "
            "What you answer in your calendar does not reach them."
        )
    given_away = (
        " If you decline every entry of this event in your calendar, your seat is given away "
        "and you are sent no more mail about it."
        if message.several_entries
        else " If you decline in your calendar, your seat is given away and you are sent no more mail about this event."
    )
    seat = given_away if message.declining_frees_seat else ""
    if not message.asks:
        return f"If you cannot come, decline in your calendar or answer this mail.{seat}"
    again = " again" if message.before and message.asked is None else ""
    return f"Please say{again} whether you will come: accept or decline in your calendar, or answer this mail.{seat}"


def _why(message: Message, about: str) -> str:
    registered = "was" if message.method is Method.CANCEL else "is"
    # Beside a Reply-To at a provider of free mail, another such address in the text counts as a mark of spam.
    named = message.receives_replies or not is_freemail(message.reply_to.email)
    whom = one_line(message.attendee.email) if named else "this address"
    organizer = in_full(message.reply_to)
    return f"You get this mail because {whom} {registered} registered for {about}, organized by {organizer}."


def in_full(person: Person) -> str:
    """A person on one line, without what could be taken for the end of it."""
    called, email = one_line(person.name), one_line(person.email)
    return f"{called} <{email}>" if called else email
