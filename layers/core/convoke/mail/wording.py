"""The subject and the text of an invitation mail, in English.

Text and HTML (``page``) are made from the same :class:`Wording`, so that both have the same content. Outlook shows them
instead of the calendar's DESCRIPTION, so they must contain everything that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..calendar.content_lines import address, clean, one_line, uri
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
    """One row of the table: the present value ``now``, the previous one in ``was`` if it was another, and the target of
    its ``link``, or an empty string.
    """

    label: str
    now: str
    was: str = ""
    link: str = ""


@frozen
class Wording:
    """All text of a mail. ``closing`` is what the attendee can do now, ``why`` the reason that they get this mail."""

    subject: str
    headline: str
    details: tuple[DetailRow, ...]
    description: str
    closing: str
    why: str


def words(message: Message, now: datetime) -> Wording:
    """The text of the mail for ``message``, without control characters.

    ``now``, UTC, is when it is sent: dates of a series that are over by then are not listed.
    """
    title = one_line(message.title)
    about = f"“{title}”" + (f" on {day(_as_known(message).start)}" if message.date is not None else "")
    kind, headline = _news(message, about)
    return Wording(
        subject=subject(kind, title, _date_in_subject(message, now)),
        headline=headline,
        details=tuple(_details(message, now)),
        description=clean(message.description).strip(),
        closing=_closing(message),
        why=_why(message, about if message.method is Method.CANCEL else f"“{title}”"),
    )


def _as_known(message: Message) -> When:
    """The time that the attendee knows; the day of an occurrence is named by it."""
    return message.before.when if message.before is not None else message.when


def _date_in_subject(message: Message, now: datetime) -> str:
    """The date in the subject: of a series the next date, with "from", unlike in a mail about one occurrence."""
    several = message.recurs and len(_to_come(message.schedule, _cancelled(message), now)) > 1
    return ("from " if several else "") + in_short(message.instead or _when(message, now))


def text(wording: Wording) -> str:
    """``wording`` as plain text."""
    rows = [
        row
        for detail in wording.details
        for row in (
            ((f"{detail.label}:", f"was: {detail.was}"), ("", f"now: {detail.now}"))
            if detail.was
            else ((f"{detail.label}:", detail.now),)
        )
    ]
    width = max(len(label) for label, _ in rows) + 1
    below = "\n" + " " * width
    table = "\n".join(f"{label:<{width}}{value.replace(chr(10), below)}" for label, value in rows)
    return (
        "\n\n".join(
            part for part in (wording.headline, table, wording.description, wording.closing, wording.why) if part
        )
        + "\n"
    )


def _news(message: Message, title: str) -> tuple[str, str]:
    """The first word of the subject, and the sentence that says what happened."""
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
    """Whether a series has other dates than before, or one that had been cancelled takes place again."""
    restored = any(one.cancelled for one in message.kept)
    return restored or (before.schedule is not None and before.schedule != message.schedule)


def _details(message: Message, now: datetime) -> Iterator[DetailRow]:
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

DATES_LISTED = 12
"""How many dates of a series are listed one by one."""


def _dates(message: Message, now: datetime) -> str:
    """The future dates of a series, one a line; of more than ``DATES_LISTED`` the first ones, the number of the others
    and the last. A date has a time if that is another than the first date's. Past dates are only counted.
    """
    gone = _cancelled(message)
    dates = _to_come(message.schedule, gone, now)
    usual = clock(dates[0]) if dates else ""
    named = [day(date) + (f", {clock(date)}" if clock(date) != usual else "") for date in dates]
    shown, last = named[:DATES_LISTED], named[DATES_LISTED:]
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
    """The time of the event; of a series, that of its next date."""
    return _first(message.schedule, _cancelled(message), now) if message.recurs else message.when


def _was(message: Message, before: PreviousState, now: datetime) -> When:
    """The time that the attendee knew; of a series, that of the next of the dates that they knew."""
    if before.schedule is None:
        return before.when
    cancelled = (
        {one.date for one in message.state_before.dates if one.cancelled} if message.state_before is not None else set()
    )
    return _first(before.schedule, frozenset(cancelled), now)


def _first(schedule: Schedule, cancelled: frozenset[LocalTime], now: datetime) -> When:
    """The next date; without one the last that is not cancelled, else the first of all."""
    dates = _to_come(schedule, cancelled, now)[:1] or _standing(schedule, cancelled)[-1:] or [schedule.when.start]
    return series.when_at(schedule, dates[0])


def _to_come(schedule: Schedule, cancelled: frozenset[LocalTime], now: datetime) -> list[LocalTime]:
    """The starts of the dates that take place and are not over at ``now`` (UTC), sorted."""
    times = series.times(schedule)
    return [start for start in _standing(schedule, cancelled) if times[start].ends_at > now]


def _standing(schedule: Schedule, cancelled: frozenset[LocalTime]) -> list[LocalTime]:
    return [start for start in series.starts(schedule) if start not in cancelled]


def _cancelled(message: Message) -> frozenset[LocalTime]:
    return frozenset(message.without)


def _other(was: str, now: str) -> str:
    return was if was != now else ""


def _moves(message: Message) -> bool:
    """Whether the date that is cancelled here is sent as another entry with another time."""
    return message.instead is not None and message.instead != message.when


# --- what the attendee can do, and why they get the mail -------------------------------------------------------------


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
    # Beside a Reply-To at a provider of free mail, another such address in the text counts as a sign of spam.
    named = message.receives_replies or not is_freemail(message.reply_to.email)
    whom = one_line(message.attendee.email) if named else "this address"
    organizer = in_full(message.reply_to)
    return f"You get this mail because {whom} {registered} registered for {about}, organized by {organizer}."


def in_full(person: Person) -> str:
    """``Name <address>`` on one line, or the address alone if there is no name."""
    name, email = one_line(person.name), one_line(person.email)
    return f"{name} <{email}>" if name else email
