"""The subject and the text of an invitation mail, in the language of its recipient.

Text and HTML (``page``) are made from the same :class:`Wording`, so that both have the same content. Outlook shows them
instead of the calendar's DESCRIPTION, so they must contain everything that matters. Each sentence is a whole one, since
other languages have another order of words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from zoneinfo import ZoneInfo

from .. import languages
from ..calendar.content_lines import address, clean, one_line, uri
from ..decision.calendar_state import Message, PreviousState
from ..languages import Texts
from ..model import EventStatus, LocalTime, Method, Person, Schedule, When, frozen
from ..schedule import series
from . import placeholders
from .freemail import is_freemail
from .subjects import subject, width


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
    """All text of a mail, in the language of ``texts``. ``closing`` is what the attendee can do in their calendar,
    ``action`` what the personal link is for, ``why`` the reason that they get this mail, and how they withdraw.
    """

    texts: Texts
    subject: str
    headline: str
    details: tuple[DetailRow, ...]
    description: str
    closing: str
    action: str
    why: str


def words(message: Message, now: datetime) -> Wording:
    """The text of the mail for ``message``, without control characters.

    ``now``, UTC, is when it is sent: dates of a series that are over by then are not listed.
    """
    texts = languages.texts_in(message.language)
    pattern, headline = _news(message, texts)
    why = _why(message, texts)
    return Wording(
        texts=texts,
        subject=subject(texts, pattern, one_line(message.title), _date_in_subject(message, texts, now)),
        headline=headline,
        details=tuple(_details(message, texts, now)),
        description=clean(message.description).strip(),
        closing=_closing(message, texts),
        action=_action(message, texts),
        why=why if message.method is Method.CANCEL else texts.sentences(why, _how_to_withdraw(texts)),
    )


def _known_day(message: Message, texts: Texts) -> str:
    """The day that names an occurrence: that of the time which the attendee knows."""
    known = message.before.when if message.before is not None else message.when
    return texts.day(known.start)


def _date_in_subject(message: Message, texts: Texts, now: datetime) -> str:
    """The date in the subject: of a series the next date, with "from", unlike in a mail about one occurrence."""
    several = message.recurs and len(_to_come(_standing(message), now)) > 1
    date = texts.when_short(message.instead or _when(message, now))
    return texts.gettext("from %(date)s", date=date) if several else date


def text(wording: Wording) -> str:
    """``wording`` as plain text, with the placeholder of the personal link as it reads."""
    return placeholders.PERSONAL.join(around_link(wording))


def around_link(wording: Wording) -> tuple[str, str]:
    """The plain text before the personal link, and after it."""
    texts = wording.texts
    rows: list[tuple[str, str]] = []
    for detail in wording.details:
        label = texts.gettext("%(label)s:", label=detail.label)
        if detail.was:
            rows.append((label, texts.gettext("was: %(value)s", value=detail.was)))
            rows.append(("", texts.gettext("now: %(value)s", value=detail.now)))
        else:
            rows.append((label, detail.now))
    columns = max(width(label) for label, _ in rows) + 1
    below = "\n" + " " * columns
    table = "\n".join(
        f"{label}{' ' * (columns - width(label))}{value.replace(chr(10), below)}" for label, value in rows
    )
    action = texts.gettext("%(label)s:", label=wording.action)
    parts = (wording.headline, table, wording.description, wording.closing, f"{action}\n")
    return "\n\n".join(part for part in parts if part), f"\n\n{wording.why}\n"


def _news(message: Message, texts: Texts) -> tuple[str, str]:
    """The pattern of the subject, and the sentence that says what happened."""
    about = {"title": texts.isolated(one_line(message.title))}
    if message.date is not None:
        about["day"] = _known_day(message, texts)
    before = message.before
    if message.left_series:
        return (
            texts.gettext("Updated: %(title)s · %(date)s"),
            texts.gettext("“%(title)s” on %(day)s is no longer part of this series.", **about),
        )
    if message.method is Method.CANCEL and message.instead is None:
        return texts.gettext("Cancelled: %(title)s · %(date)s"), _cancellation(message, texts, about)
    if message.method is Method.REQUEST and before is None:
        news = (
            texts.gettext("You are invited to “%(title)s”.", **about)
            if message.date is None
            else texts.gettext("You are invited to “%(title)s” on %(day)s.", **about)
        )
        if message.promoted:
            news = texts.sentences(texts.gettext("A seat has come free for you."), news)
        certain = texts.gettext("Invitation: %(title)s · %(date)s")
        tentative = texts.gettext("Invitation (tentative): %(title)s · %(date)s")
    elif _moves(message) or (before is not None and _moved(message, before)):
        news = (
            texts.gettext("“%(title)s” has been moved.", **about)
            if message.date is None
            else texts.gettext("“%(title)s” on %(day)s has been moved.", **about)
        )
        certain = texts.gettext("Moved: %(title)s · %(date)s")
        tentative = texts.gettext("Moved (tentative): %(title)s · %(date)s")
    elif message.method is Method.REQUEST and before is not None and before.certain and _other_dates(message, before):
        news = texts.gettext("The dates of “%(title)s” have changed.", **about)
        certain = texts.gettext("Dates changed: %(title)s · %(date)s")
        tentative = texts.gettext("Dates changed (tentative): %(title)s · %(date)s")
    else:
        news = (
            texts.gettext("“%(title)s” has been updated.", **about)
            if message.date is None
            else texts.gettext("“%(title)s” on %(day)s has been updated.", **about)
        )
        certain = texts.gettext("Updated: %(title)s · %(date)s")
        tentative = texts.gettext("Updated (tentative): %(title)s · %(date)s")
    if message.method is Method.REQUEST and message.status is EventStatus.TENTATIVE:
        return tentative, texts.sentences(news, texts.gettext("It is not yet certain to take place."))
    return certain, news


def _cancellation(message: Message, texts: Texts, about: dict[str, str]) -> str:
    """The sentence that says that it is cancelled, or only the invitation of this attendee."""
    if message.cancelled_for_all and message.date is None:
        return texts.gettext("“%(title)s” has been cancelled.", **about)
    if message.cancelled_for_all:
        return texts.gettext("“%(title)s” on %(day)s has been cancelled.", **about)
    if message.date is None:
        return texts.gettext("This invitation to “%(title)s” has been withdrawn.", **about)
    return texts.gettext("This invitation to “%(title)s” on %(day)s has been withdrawn.", **about)


def _moved(message: Message, before: PreviousState) -> bool:
    """Whether a request has another time than the attendee knows."""
    return message.method is Method.REQUEST and before.certain and before.when != message.when


def _other_dates(message: Message, before: PreviousState) -> bool:
    """Whether a series has other dates than before, or one that had been cancelled takes place again."""
    restored = any(one.cancelled for one in message.kept)
    return restored or (before.schedule is not None and before.schedule != message.schedule)


def _details(message: Message, texts: Texts, now: datetime) -> Iterator[DetailRow]:
    before = message.before if message.before and message.before.certain and message.method is Method.REQUEST else None
    when = texts.when(message.instead or _when(message, now))
    where, title = one_line(message.location), one_line(message.title)
    if message.method is Method.CANCEL and (reason := one_line(message.reason)):
        yield DetailRow(label=texts.gettext("Reason"), now=texts.isolated(reason))
    if before and one_line(before.title) != title:
        was = texts.isolated(one_line(before.title))
        yield DetailRow(label=texts.gettext("What"), now=texts.isolated(title), was=was)
    was_when = texts.when(_was(message, before, now)) if before and before.when != message.when else ""
    was_when = texts.when(message.when) if _moves(message) else was_when
    if not message.left_series:  # in the other series it may take place at another time and place
        yield DetailRow(label=texts.gettext("When"), now=when, was=_other(was_when, when))
    if message.recurs:
        yield DetailRow(label=texts.gettext("Dates"), now=_dates(message, texts, now))
    was_where = _other(one_line(before.location), where) if before else ""
    if (where or was_where) and not message.left_series:
        place = texts.isolated(where) or texts.gettext("no place given")
        yield DetailRow(label=texts.gettext("Where"), now=place, was=texts.isolated(was_where))
    if message.conference:
        link = uri(message.conference.uri)
        label = texts.isolated(one_line(message.conference.label)) or texts.gettext("Join")
        yield DetailRow(label=label, now=link, link=link)
    if message.url:
        yield DetailRow(label=texts.gettext("More"), now=uri(message.url), link=uri(message.url))
    link = f"mailto:{uri(address(message.reply_to.email))}"
    yield DetailRow(label=texts.gettext("Organizer"), now=texts.isolated(in_full(message.reply_to)), link=link)


# --- which dates --------------------------------------------------------------------------------------------------

DATES_LISTED = 12
"""How many dates of a series are listed one by one."""


def _dates(message: Message, texts: Texts, now: datetime) -> str:
    """The future dates of a series, one a line; of more than ``DATES_LISTED`` the first ones, the number of the others
    and the last. A date has a time if that is another than the first date's. Past dates are only counted.
    """
    standing = _standing(message)
    coming = _to_come(standing, now)
    dates = [_by_the_clock_of(message.when, when) for when in coming]
    usual = texts.clock(dates[0]) if dates else ""
    named = [
        texts.day(date) if texts.clock(date) == usual else texts.day_and_time(texts.day(date), date) for date in dates
    ]
    shown = listed(texts, named)
    if not shown:
        # For translators: instead of a list of dates
        shown.append(texts.gettext("none any more"))
    if earlier := len(standing) - len(coming):
        over = texts.ngettext(
            "(%(num)s earlier date is over)", "(%(num)s earlier dates are over)", earlier, num=earlier
        )
        shown.append(over)
    return "\n".join(shown)


def listed(texts: Texts, named: list[str]) -> list[str]:
    """The lines of a list of dates as they are ``named``: at most about ``DATES_LISTED``, and the last."""
    shown, last = named[:DATES_LISTED], named[DATES_LISTED:]
    if len(last) == 1:
        shown += last
    elif last:
        # For translators: the last line of a list of dates. There are at least two more.
        more = texts.ngettext(
            "and %(num)s more, the last on %(day)s",
            "and %(num)s more, the last on %(day)s",
            len(last),
            num=len(last),
            day=last[-1],
        )
        shown.append(more)
    return shown


def _when(message: Message, now: datetime) -> When:
    """The time of the event; of a series, that of its next date."""
    return _first(message.schedule, _standing(message), now) if message.recurs else message.when


def _was(message: Message, before: PreviousState, now: datetime) -> When:
    """The time that the attendee knew; of a series, that of the next of the dates that they knew."""
    if before.schedule is None:
        return before.when
    known = message.state_before
    cancelled = {one.date for one in known.dates if one.cancelled} if known is not None else set()
    return _first(before.schedule, _take_place(before.schedule, cancelled, known.moved if known else ()), now)


def _first(schedule: Schedule, standing: list[When], now: datetime) -> When:
    """The next date of those ``standing``; without one the last of them, else the first of all."""
    return (_to_come(standing, now)[:1] or standing[-1:] or [schedule.when])[0]


def _to_come(standing: list[When], now: datetime) -> list[When]:
    """The dates that are not over at ``now`` (UTC)."""
    return [when for when in standing if when.ends_at > now]


def _standing(message: Message) -> list[When]:
    return _take_place(message.schedule, message.without, message.moved)


def _take_place(
    schedule: Schedule, cancelled: Collection[LocalTime], moved: Iterable[tuple[LocalTime, When]]
) -> list[When]:
    """When the dates take place that are ``moved`` or not ``cancelled``, in the order of their times."""
    times, others = series.times(schedule), dict(moved)
    standing = [others.get(date, when) for date, when in times.items() if date in others or date not in cancelled]
    return sorted(standing, key=attrgetter("starts_at")) if others else standing


def _by_the_clock_of(of: When, when: When) -> LocalTime:
    """The start of ``when`` in the zone of ``of``, which a date that was moved may not have."""
    if when.time_zone == of.time_zone or of.time_zone is None or when.all_day:
        return when.start
    return when.starts_at.astimezone(ZoneInfo(of.time_zone)).replace(tzinfo=None)


def _other(was: str, now: str) -> str:
    return was if was != now else ""


def _moves(message: Message) -> bool:
    """Whether the date that is cancelled here is sent as another entry with another time."""
    return message.instead is not None and message.instead != message.when


# --- what the attendee can do, and why they get the mail -------------------------------------------------------------


def _closing(message: Message, texts: Texts) -> str:
    if message.instead is not None:
        return texts.gettext("Your calendar removes the entry as it was; another mail brings it as it is now.")
    questions = texts.gettext("If you have questions, answer this mail.")
    if message.method is Method.CANCEL:
        removes = texts.gettext("Your calendar removes the entry, or asks you to.")
        if message.may_return:
            return texts.sentences(removes, *_how_to_return(message, texts), questions)
        if message.left_series:
            elsewhere = texts.gettext("If this date takes place in another series, another mail brings its invitation.")
            return texts.sentences(removes, elsewhere, questions)
        if not message.others_stay:
            return texts.sentences(removes, questions)
        return texts.sentences(removes, texts.gettext("The other dates are as they were."), questions)
    if not message.receives_replies:
        return texts.sentences(
            texts.gettext("If you cannot come, please tell the organizer: answer this mail."),
            texts.gettext("What you answer in your calendar does not reach them."),
        )
    if not message.asks:
        closing = texts.gettext("If you cannot come, decline in your calendar or answer this mail.")
    elif message.before and message.asked is None:
        closing = texts.gettext(
            "Please say again whether you will come: accept or decline in your calendar, or answer this mail."
        )
    else:
        closing = texts.gettext(
            "Please say whether you will come: accept or decline in your calendar, or answer this mail."
        )
    if not message.declining_frees_seat:
        return closing
    given_away = (
        texts.gettext(
            "If you decline every entry of this event in your calendar, your seat is given away and you are sent no "
            "more mail about it."
        )
        if message.several_entries
        else texts.gettext(
            "If you decline in your calendar, your seat is given away and you are sent no more mail about this event."
        )
    )
    return texts.sentences(closing, given_away)


def _why(message: Message, texts: Texts) -> str:
    # Beside a Reply-To at a provider of free mail, another such address in the text counts as a sign of spam.
    named = message.receives_replies or not is_freemail(message.reply_to.email)
    about = {
        "address": texts.address(one_line(message.attendee.email)),
        "title": texts.isolated(one_line(message.title)),
        "organizer": texts.isolated(in_full(message.reply_to)),
    }
    if message.method is not Method.CANCEL:
        return (
            texts.gettext(
                "You get this mail because %(address)s is registered for “%(title)s”, organized by %(organizer)s.",
                **about,
            )
            if named
            else texts.gettext(
                "You get this mail because this address is registered for “%(title)s”, organized by %(organizer)s.",
                **about,
            )
        )
    if message.date is None:
        return (
            texts.gettext(
                "You get this mail because %(address)s was registered for “%(title)s”, organized by %(organizer)s.",
                **about,
            )
            if named
            else texts.gettext(
                "You get this mail because this address was registered for “%(title)s”, organized by %(organizer)s.",
                **about,
            )
        )
    about["day"] = _known_day(message, texts)
    return (
        texts.gettext(
            "You get this mail because %(address)s was registered for “%(title)s” on %(day)s, organized by "
            "%(organizer)s.",
            **about,
        )
        if named
        else texts.gettext(
            "You get this mail because this address was registered for “%(title)s” on %(day)s, organized by "
            "%(organizer)s.",
            **about,
        )
    )


def _how_to_withdraw(texts: Texts) -> str:
    return texts.gettext("To withdraw, and get no more mail about it, use the link above; it is meant for you alone.")


def _how_to_return(message: Message, texts: Texts) -> tuple[str, ...]:
    """How whoever withdrew comes back, and until when their seat is kept."""
    comes = texts.gettext("If you want to come after all, you can come back on the page below.")
    if message.held_until is None:
        return (comes,)
    zone = message.when.time_zone or "UTC"
    until = message.held_until.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    kept = texts.gettext(
        "Your seat is kept for you until %(when)s (%(zone)s).",
        when=texts.day_and_time(texts.day(until), until),
        zone=texts.address(zone),
    )
    return comes, kept


def _action(message: Message, texts: Texts) -> str:
    if message.may_return:
        return texts.gettext("Come back, or see your registration")
    if message.method is Method.CANCEL:
        return texts.gettext("See your registration")
    return texts.gettext("See or change your registration")


def in_full(person: Person) -> str:
    """``Name <address>`` on one line, or the address alone if there is no name."""
    name, email = one_line(person.name), one_line(person.email)
    return f"{name} <{email}>" if name else email
