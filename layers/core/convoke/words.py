"""What the mail says to a person: its subject, its text, its HTML. English, until there are other languages.

Text and HTML are made from the same :class:`Words`, so that neither says what the other does not. Outlook shows them
instead of the calendar's DESCRIPTION: all that matters stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from . import series
from .itip import address, uri
from .lines import clean, one_line
from .model import EventStatus, Method, Wall, When, noun
from .told import Known, Message

# Names of our own: those of `strftime` depend on where it runs.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_CLICKABLE = ("https://", "http://", "tel:", "mailto:")


@noun
class Fact:
    """One row of the table: what is so ``now``, what ``was`` so before where it was not, and where a click leads."""

    label: str
    now: str
    was: str = ""
    link: str = ""


@noun
class Words:
    subject: str
    headline: str
    facts: tuple[Fact, ...]
    description: str
    closing: str


def words(message: Message) -> Words:
    """What ``message`` says, on lines without control characters."""
    title = one_line(message.title)
    on = f" on {_day(_as_known(message).start)}" if message.date is not None else ""
    kind, headline = _news(message, f"“{title}”{on}")
    return Words(
        subject=f"{kind}: {title}{on}",
        headline=headline,
        facts=tuple(_facts(message)),
        description=clean(message.description).strip(),
        closing=_closing(message),
    )


def _as_known(message: Message) -> When:
    """When it is, as far as the attendee knows: the day by which they know one date of a series."""
    return message.before.when if message.before is not None else message.when


def text(said: Words) -> str:
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
    return "\n\n".join(part for part in (said.headline, table, said.description, said.closing) if part) + "\n"


def html(said: Words) -> str:
    """``said`` as a page that asks for nothing from elsewhere and reads well without its style."""
    rows = "".join(_row(fact) for fact in said.facts)
    about = f'<p style="margin:20px 0">{_lines(said.description)}</p>\n' if said.description else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(said.subject)}</title>\n</head>\n"
        '<body style="margin:0;padding:24px 12px;background:#f5f4f1;color:#24292e;'
        'font:16px/1.5 -apple-system,Segoe UI,Helvetica,Arial,sans-serif">\n'
        '<div style="max-width:580px;margin:0 auto;padding:28px 32px;background:#fff;border-top:4px solid #3a5a78">\n'
        f'<h1 style="margin:0 0 20px;font-size:21px;line-height:1.3">{escape(said.headline)}</h1>\n'
        f'<table style="border-collapse:collapse">\n{rows}</table>\n{about}'
        f'<p style="margin:24px 0 0;color:#5c6770;font-size:14px">{escape(said.closing)}</p>\n'
        "</div>\n</body>\n</html>\n"
    )


def _row(fact: Fact) -> str:
    now = _lines(fact.now)
    if fact.link.lower().startswith(_CLICKABLE):
        now = f'<a href="{escape(fact.link)}" style="color:#1d5c96">{now}</a>'
    if fact.was:
        now = f"was: <s>{_lines(fact.was)}</s><br>\nnow: <b>{now}</b>"
    return (
        '<tr><th style="padding:3px 18px 3px 0;text-align:left;vertical-align:top;font-weight:normal;color:#5c6770">'
        f'{escape(fact.label)}</th><td style="padding:3px 0">{now}</td></tr>\n'
    )


def _lines(value: str) -> str:
    return escape(value).replace("\n", "<br>\n")


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


def _other_dates(message: Message, before: Known) -> bool:
    """Whether a series has other dates than before, or takes place on one that had been cancelled."""
    restored = any(one.cancelled for one in message.kept)
    return restored or (before.schedule is not None and before.schedule != message.schedule)


def _facts(message: Message) -> Iterator[Fact]:
    before = message.before if message.before and message.before.certain and message.method is Method.REQUEST else None
    when = in_words(message.instead or _first(message))
    where, title = one_line(message.location), one_line(message.title)
    if message.method is Method.CANCEL and (reason := one_line(message.reason)):
        yield Fact(label="Reason", now=reason)
    if before and one_line(before.title) != title:
        yield Fact(label="What", now=title, was=one_line(before.title))
    was_when = in_words(before.when) if before and before.when != message.when else ""
    was_when = in_words(message.when) if _moves(message) else was_when
    yield Fact(label="When", now=when, was=_other(was_when, when))
    if message.recurs:
        yield Fact(label="Dates", now=_dates(message))
    was_where = _other(one_line(before.location), where) if before else ""
    if where or was_where:
        yield Fact(label="Where", now=where or "no place given", was=was_where)
    if message.conference:
        link = uri(message.conference.uri)
        yield Fact(label=one_line(message.conference.label) or "Join", now=link, link=link)
    if message.url:
        yield Fact(label="More", now=uri(message.url), link=uri(message.url))
    name, human = one_line(message.reply_to.name), one_line(message.reply_to.email)
    link = f"mailto:{uri(address(message.reply_to.email))}"
    yield Fact(label="Organizer", now=f"{name} <{human}>" if name else human, link=link)


SHOWN = 12
"""The dates of a series that are named one by one."""


def _dates(message: Message) -> str:
    """The dates of a series that take place, a line each; of many the first ones and the last. A time stands by those
    that begin at another than the first.
    """
    dates = _standing(message)
    usual = _clock(dates[0]) if dates else ""
    named = [_day(date) + (f", {_clock(date)}" if _clock(date) != usual else "") for date in dates]
    shown, last = named[:SHOWN], named[SHOWN:]
    if len(last) == 1:
        shown += last
    elif last:
        shown.append(f"and {len(last)} more, the last on {last[-1]}")
    return "\n".join(shown) or "none any more"


def _clock(date: Wall) -> str:
    return f"{date:%H:%M}" if isinstance(date, datetime) else ""


def _first(message: Message) -> When:
    """When it is, of a series the first of its dates that takes place."""
    dates = _standing(message) if message.recurs else []
    return series.when_at(message.schedule, dates[0]) if dates else message.when


def _standing(message: Message) -> list[Wall]:
    return [start for start in series.starts(message.schedule) if start not in message.without]


def _other(was: str, now: str) -> str:
    return was if was != now else ""


def _moves(message: Message) -> bool:
    """Whether it takes a date back that is told at another time as another entry."""
    return message.instead is not None and message.instead != message.when


def _closing(message: Message) -> str:
    if message.instead is not None:
        return "Your calendar removes the entry as it was; another mail brings it as it is now."
    if message.method is Method.CANCEL:
        rest = " The other dates are as they were." if message.others_stay else ""
        removed = "You need not do anything: your calendar removes the entry."
        return f"{removed}{rest} If you have questions, answer this mail."
    if not message.asks:
        return "If you cannot come, decline in your calendar or answer this mail."
    again = " again" if message.before else ""
    return f"Please say{again} whether you will come: accept or decline in your calendar, or answer this mail."


def in_words(when: When) -> str:
    """``Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)``."""
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        days = _day(when.start) if when.start == when.end else f"{_day(when.start)} to {_day(when.end)}"
        return f"{days}, all day" + (f" ({when.time_zone})" if when.time_zone else "")
    start, end = f"{when.start:%H:%M}", f"{when.end:%H:%M}"
    until = end if when.start.date() == when.end.date() else f"{_day(when.end)}, {end}"
    return f"{_day(when.start)}, {start} to {until} ({_zone(when.start, when.end, when.time_zone or 'UTC')})"


def _zone(start: datetime, end: datetime, name: str) -> str:
    first, last = (wall.replace(tzinfo=ZoneInfo(name)).utcoffset() or timedelta() for wall in (start, end))
    changes = "" if first == last else f", at its end {_utc(last)}"
    return f"{name}, {_utc(first)}{changes}" if name != "UTC" else name


def _utc(offset: timedelta) -> str:
    minutes = int(abs(offset).total_seconds()) // 60
    return f"UTC{'-' if offset < timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _day(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"
