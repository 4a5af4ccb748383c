"""The reminders of an event as a form offers them: how long before its start, in words. Pure."""

from __future__ import annotations

from ..languages import Texts
from ..model import Duration


def reminder_options(chosen: tuple[str, ...], texts: Texts) -> list[tuple[str, str]]:
    """The reminders that can be ticked: the usual ones, and those that are chosen."""
    usual = ("PT0S", "PT10M", "PT30M", "PT1H", "PT2H", "P1D", "P2D", "P7D")
    known = {str(Duration.parse(each)): each for each in usual}
    for each in chosen:
        try:
            known.setdefault(str(Duration.parse(each)), each)
        except ValueError:
            continue
    lengths = sorted(map(Duration.parse, known), key=lambda length: length.nominal)
    return [(str(length), _said(length, texts)) for length in lengths]


def _said(length: Duration, texts: Texts) -> str:
    minutes, seconds = divmod(length.seconds, 60)
    if not length.days and not length.seconds:
        return texts.gettext("When it begins")
    if length.days and not length.seconds:
        return texts.ngettext("%(num)s day before", "%(num)s days before", length.days, num=length.days)
    if not length.days and not seconds:
        if minutes % 60 == 0:
            hours = minutes // 60
            return texts.ngettext("%(num)s hour before", "%(num)s hours before", hours, num=hours)
        return texts.ngettext("%(num)s minute before", "%(num)s minutes before", minutes, num=minutes)
    return texts.gettext("%(length)s before", length=str(length))
