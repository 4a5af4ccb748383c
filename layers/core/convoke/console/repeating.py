"""How an event repeats, as the fields of a form and as a rule (RFC 5545, section 3.3.10).

``repeats`` is ``none``, ``daily``, ``weekly``, ``monthly``, ``yearly``, or ``own``: a rule that the other fields cannot
say stands in ``rule``, as text. ``interval`` is every how many of them; ``weekdays`` are those of a weekly rule, ``MO``
to ``SU``; ``on`` is which day of its month a monthly or yearly one takes, and follows from the start. ``ends`` says
whether ``count`` has the number of dates, or ``until`` the last day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from .. import languages
from ..languages import Texts
from ..model import InvalidField, When
from ..pages.forms import Errors, Form
from ..schedule import recurrence, rrule, series
from ..schedule.rrule import WEEKDAYS

Fields = dict[str, tuple[str, ...]]

FREQUENCIES = ("daily", "weekly", "monthly", "yearly")
DAYS_OF_A_MONTH = ("day", "weekday", "last_weekday", "last_day")
"""The same day of the month as the start, the same weekday (the second Friday), the last such weekday, the last day."""
_LONGEST_NUMBER = 6


def relevant(form: Form) -> Fields:
    """What of the fields counts: the others belong to another kind of rule."""
    repeats, ends = form.text("repeats") or "none", form.text("ends") or "count"
    if repeats == "none":
        return {"repeats": (repeats,)}
    if repeats == "own":
        return {"repeats": (repeats,), "rule": (form.text("rule"),)}
    found: Fields = {"repeats": (repeats,), "interval": (form.text("interval") or "1",), "ends": (ends,)}
    if repeats == "weekly":
        found["weekdays"] = tuple(day for day in WEEKDAYS if day in form.every("weekdays"))
    elif repeats in ("monthly", "yearly"):
        found["on"] = (form.text("on") or "day",)
    return found | {ends: (form.text(ends),)}


def rule_of(form: Form, start: date, texts: Texts) -> tuple[str | None, Errors]:
    """The rule that the fields say for an event that begins on ``start``, ``None`` for none; and what is wrong with
    them, so that there is no rule. Whether a rule is possible is for the API to say.
    """
    _ = texts.gettext
    said = {name: values[0] if values else "" for name, values in relevant(form).items()}
    repeats, errors = said["repeats"], []
    if repeats == "none":
        return None, ()
    if repeats == "own":
        return said["rule"], () if said["rule"] else (("rule", _("Write the rule, such as FREQ=WEEKLY;COUNT=4.")),)
    if repeats not in FREQUENCIES or said["ends"] not in ("count", "until"):
        return None, (("repeats", _("Choose how it repeats.")),)
    parts = {"FREQ": repeats.upper()}
    if not _is_number(said["interval"]):
        errors.append(("interval", _("Enter a whole number, such as 2.")))
    parts["INTERVAL"] = said["interval"]
    if "on" in said:
        parts |= _on(said["on"], start, in_a_year=repeats == "yearly")
    if days := relevant(form).get("weekdays"):
        parts["BYDAY"] = ",".join(days)
    if said["ends"] == "count":
        if not _is_number(said["count"]):
            errors.append(("count", _("Enter how many dates there are, such as 10.")))
        parts["COUNT"] = said["count"]
    elif (last := day_of(said["until"])) is None:
        errors.append(("until", _("Enter the last day, such as 2027-12-31.")))
    else:
        parts["UNTIL"] = f"{last:%Y%m%d}"
    return (None, tuple(errors)) if errors else (";".join(f"{name}={value}" for name, value in parts.items()), ())


def fields_of(rule: str | None, when: When) -> Fields:
    """The fields of the ``rule`` of an event that begins with ``when``, in the API's spelling: those that
    :func:`rule_of` makes the same rule of, or the text itself.
    """
    if rule is None:
        return {"repeats": ("none",)}
    start = recurrence.day_of(when.start)
    for fields in _guesses(rrule.read(rule), when):
        made, _ = rule_of(Form(fields=fields), start, _ENGLISH)
        try:
            if made is not None and series.rule(made, when) == rule:
                return fields
        except InvalidField:
            continue
    return {"repeats": ("own",), "rule": (rule,)}


def day_of(text: str) -> date | None:
    """The date of ``2027-03-12``."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _guesses(rule: rrule.Rule, when: When) -> Iterator[Fields]:
    fields: Fields = {"repeats": (rule.frequency.lower(),), "interval": (str(rule.interval),)}
    if rule.count is not None:
        fields |= {"ends": ("count",), "count": (str(rule.count),)}
    else:
        fields |= {"ends": ("until",), "until": (_last_day(rule.until, when).isoformat(),)}
    if rule.frequency == "WEEKLY":
        days = [WEEKDAYS[day] for _, day in rule.weekdays] or [WEEKDAYS[when.start.weekday()]]
        yield fields | {"weekdays": tuple(days)}
    elif rule.frequency == "DAILY":
        yield fields
    else:
        yield from (fields | {"on": (on,)} for on in DAYS_OF_A_MONTH)


def _last_day(until: datetime | date | None, when: When) -> date:
    if isinstance(until, datetime):
        return until.astimezone(ZoneInfo(when.time_zone or "UTC")).date()
    return until or recurrence.day_of(when.start)


def _on(which: str, start: date, *, in_a_year: bool) -> dict[str, str]:
    month = {"BYMONTH": str(start.month)} if in_a_year else {}
    weekday = WEEKDAYS[start.weekday()]
    match which:
        case "weekday":
            return {**month, "BYDAY": f"{(start.day - 1) // 7 + 1}{weekday}"}
        case "last_weekday":
            return {**month, "BYDAY": f"-1{weekday}"}
        case "last_day":
            return {**month, "BYMONTHDAY": "-1"}
        case _:
            return {}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) > 0


_ENGLISH = languages.texts_in("en")
