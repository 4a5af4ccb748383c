"""The script of the pages, in Chromium: the time of an event where the visitor is, written as the page writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from convoke.pages import site

SCRIPT = Path(site.__file__).parent / "static" / "pages.js"


def here(chromium: Browser, language: str, starts: str, ends: str) -> list[str]:
    """What stands beside a time for a visitor in New York; nothing where it is the same there."""
    context = chromium.new_context(timezone_id="America/New_York")
    try:
        page = context.new_page()
        time = f'<time datetime="{starts}" data-ends="{ends}" data-here="Here: {{}}">…</time>'
        page.set_content(f'<!doctype html><html lang="{language}"><body><p>{time}</p></body></html>')
        page.add_script_tag(path=SCRIPT)
        return page.locator(".here").all_inner_texts()
    finally:
        context.close()


@pytest.mark.parametrize(
    ("language", "day", "times"),
    [
        ("en", "12 March 2030", "05:00 – 06:30"),  # 24 hours, the day before the month, as on the page
        ("en-US", "Tuesday, March 12, 2030", "5:00 AM – 6:30 AM"),
        ("de", "Dienstag, 12. März 2030", "05:00 – 06:30"),
        ("ja", "2030年3月12日火曜日", "5:00 – 6:30"),
        ("ar", "12 مارس 2030", "5:00 ص – 6:30 ص"),
        ("ar-SA", "12 مارس 2030", "5:00 ص – 6:30 ص"),  # by the Gregorian calendar
        ("ar-EG", "12 مارس 2030", "5:00 ص – 6:30 ص"),  # in the digits of the page
    ],
)
def test_the_time_where_the_visitor_is_is_written_as_the_page_writes_it(
    chromium: Browser, language: str, day: str, times: str
) -> None:
    (found,) = here(chromium, language, "2030-03-12T18:00:00+09:00", "2030-03-12T19:30:00+09:00")
    # What stands between day and time depends on the version of the CLDR that Chromium has.
    found = found.replace("\u202f", " ").replace("\u00a0", " ")
    assert day in found
    assert found.endswith(f" {times}")


def test_a_night_is_written_with_both_days(chromium: Browser) -> None:
    (found,) = here(chromium, "en", "2030-03-12T12:00:00+09:00", "2030-03-12T14:30:00+09:00")
    for part in ("11 March 2030", "23:00", "12 March 2030", "01:30"):
        assert part in found


def test_nothing_is_said_where_the_clock_shows_the_same(chromium: Browser) -> None:
    assert here(chromium, "en", "2030-03-12T18:00:00-04:00", "2030-03-12T19:30:00-04:00") == []
