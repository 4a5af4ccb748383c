"""Which recurrence rules Outlook and Exchange support: the templates of [MS-OXCICAL], section 2.1.3.2.2, and no others.

RFC 5545 allows more. Exchange turns a meeting request with any other rule, its updates and its cancellation into
attachments that cannot be accepted ("not supported calendar message.ics"). So the API rejects such a rule, and the
error says what to do instead. Sending its dates as separate entries would mean up to 400 mails to each person for one
change of a title, and answers that do not apply to the series; a caller who wants that can add the dates one by one, or
make an event for each.

``BYDAY=2FR`` and ``BYDAY=FR;BYSETPOS=2`` are the same template; the first is used. There are templates for days of the
month from the 29th on, too, but in a shorter month Outlook shows the last day where RFC 5545 has no date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from .rrule import Rule

INTERVALS = {"DAILY": 999, "WEEKLY": 99, "MONTHLY": 99, "YEARLY": 8}
"""The longest intervals in Exchange: 999 days, 99 weeks, 99 months; 8 years are 96 ([MS-OXOCAL], 2.2.1.44.1)."""
NUMBERS = (1, 2, 3, 4, -1)
"""The numbers of a weekday within a month that Exchange supports: the first to the fourth, and the last."""
WORKING_DAYS, WEEKEND = frozenset(range(5)), frozenset((5, 6))
ALL_DAYS = WORKING_DAYS | WEEKEND

_EACH = "make an event for each, or add the other dates one by one"


def nearest(rule: Rule, start: date) -> Rule:
    """``rule`` as a template, if one yields the same days from ``start`` on, which is one of them; else unchanged.

    ``rule`` must name its days explicitly, each once, and have BYSETPOS only if numbered weekdays cannot express it.
    """
    rule = _day_of_month(rule)
    if _is_of_every_month(rule):
        rule = replace(rule, frequency="MONTHLY")
    rule = _nth_weekday(rule)
    if rule.interval == 1 and rule.frequency in ("MONTHLY", "YEARLY"):
        rule = _every_so_many_months(rule, start)
    if _is_of_whole_weeks(rule):
        return replace(rule, frequency="WEEKLY")
    return rule


def _day_of_month(rule: Rule) -> Rule:
    """BYMONTHDAY in place of BYSETPOS, if that counts all days of a month."""
    within_a_month = rule.frequency == "MONTHLY" or (rule.frequency == "YEARLY" and len(rule.months) == 1)
    every = {day for nth, day in rule.weekdays if not nth}
    if not (rule.positions and within_a_month and every == ALL_DAYS and not rule.month_days):
        return rule
    days = tuple(position for position in rule.positions if abs(position) <= 31)
    return replace(rule, weekdays=(), positions=(), month_days=days) if days else rule


def _is_of_every_month(rule: Rule) -> bool:
    """Whether ``rule`` has days of the month, and is not restricted to some months by its frequency or interval."""
    every_month = rule.frequency == "DAILY" or (rule.frequency == "YEARLY" and not rule.months)
    return every_month and rule.interval == 1 and bool(rule.month_days) and not (rule.positions or rule.ordinal)


def _nth_weekday(rule: Rule) -> Rule:
    """``BYDAY=2FR`` in place of ``BYDAY=FR;BYMONTHDAY=8,9,10,11,12,13,14``."""
    within_a_month = rule.frequency == "MONTHLY" or (rule.frequency == "YEARLY" and rule.months)
    if not within_a_month or rule.positions or rule.ordinal or len(rule.weekdays) != 1:
        return rule
    for nth in NUMBERS:
        first = 7 * nth - 6 if nth > 0 else 7 * nth
        if rule.month_days == tuple(range(first, first + 7)):
            return replace(rule, month_days=(), weekdays=((nth, rule.weekdays[0][1]),))
    return rule


def _every_so_many_months(rule: Rule, start: date) -> Rule:
    """An INTERVAL in place of several BYMONTHs, if those are equally far apart."""
    step, rest = divmod(12, len(rule.months)) if rule.months else (0, 1)
    alike = not rest and {month % step for month in rule.months} == {start.month % step}
    if not alike or (rule.frequency == "YEARLY" and rule.positions and step != 12):
        return rule
    if step == 12:
        return replace(rule, frequency="YEARLY")
    return replace(rule, frequency="MONTHLY", interval=step, months=())


def _is_of_whole_weeks(rule: Rule) -> bool:
    """Whether ``rule`` yields the same weekdays in every week, so that it can be WEEKLY."""
    return (
        rule.frequency in ("MONTHLY", "YEARLY")
        and rule.interval == 1
        and bool(rule.weekdays)
        and not (rule.ordinal or rule.positions or rule.month_days or rule.months)
    )


def must_fit(rule: Rule, days: Sequence[date]) -> None:
    """Raise :class:`ValueError`, with a sentence for the API's caller, if ``rule`` is none of the templates.

    ``rule`` is as :func:`nearest` returns it. ``days`` are those that it yields, including those on which its local
    time does not exist because clocks are set forward.
    """
    longest = INTERVALS[rule.frequency]
    if rule.interval > longest:
        raise ValueError(
            f"must have INTERVAL of at most {longest} in a {rule.frequency} rule: Outlook supports no others"
        )
    if rule.frequency in ("DAILY", "WEEKLY"):
        if rule.months or rule.month_days:
            raise ValueError(
                f"must not have BYMONTH or BYMONTHDAY in a {rule.frequency} rule: Outlook does not support that; "
                f"make an event for each range of dates"
            )
        if rule.frequency == "DAILY" and rule.weekdays:
            raise ValueError("must have BYDAY in a WEEKLY rule: Outlook does not support it in a DAILY rule")
        return
    if len(rule.months) > 1 or (rule.months and rule.frequency == "MONTHLY"):
        raise ValueError(f"must name one month, in a YEARLY rule: Outlook does not support several; {_EACH}")
    if rule.weekdays:
        _must_be_one_weekday(rule)
    else:
        _must_be_one_day(rule, days)


def _must_be_one_weekday(rule: Rule) -> None:
    if rule.month_days:
        raise ValueError(
            "must not have both BYDAY and BYMONTHDAY: Outlook does not support that; give the weekday as 2TU"
        )
    if rule.frequency == "YEARLY" and not rule.months:
        raise ValueError("must have BYMONTH beside BYDAY in a YEARLY rule: Outlook counts weekdays within a month only")
    if not rule.ordinal and not rule.positions:
        raise ValueError(
            "must give the number within the month, such as BYDAY=2TU: "
            f"Outlook does not support all of them here; {_EACH}"
        )
    if rule.ordinal:
        numbers = tuple(nth for nth, _ in rule.weekdays)
        if len(numbers) > 1 or rule.positions:
            raise ValueError(
                f"must name one weekday of the month, such as BYDAY=2TU: Outlook does not support several; {_EACH}"
            )
    else:
        numbers = rule.positions
        if len(numbers) > 1 or {day for _, day in rule.weekdays} not in (WORKING_DAYS, WEEKEND, ALL_DAYS):
            raise ValueError(
                "must have one BYSETPOS, and beside it a single day in BYDAY, MO,TU,WE,TH,FR or SA,SU: "
                f"Outlook does not support other sets of days; {_EACH}"
            )
    if numbers[0] not in NUMBERS:
        raise ValueError(
            f"must count weekdays from 1 to 4, or be -1 for the last: Outlook does not support {numbers[0]}; {_EACH}"
        )


def _must_be_one_day(rule: Rule, days: Sequence[date]) -> None:
    if rule.positions:
        raise ValueError(f"must have BYSETPOS only beside BYDAY: Outlook does not support it elsewhere; {_EACH}")
    if len(rule.month_days) > 1:
        raise ValueError(f"must name one day of the month: Outlook does not support several; {_EACH}")
    if rule.month_days and rule.month_days[0] < -1:
        raise ValueError(
            "must count days from the beginning of the month, or be BYMONTHDAY=-1 for the last: "
            f"Outlook does not support {rule.month_days[0]}; {_EACH}"
        )
    if rule.frequency == "YEARLY" and rule.month_days and not rule.months:
        raise ValueError(
            "must have BYMONTH beside BYMONTHDAY in a YEARLY rule: Outlook supports one day of the year only"
        )
    step = rule.interval * (12 if rule.frequency == "YEARLY" else 1)
    if any(12 * (late.year - early.year) + late.month - early.month != step for early, late in pairwise(days)):
        raise ValueError(
            f"must not be on day {days[0].day}, which some of its months do not have: "
            "Outlook would show their last day; "
            "use BYMONTHDAY=-1 for the last day of each month, or start on a day up to the 28th"
        )
