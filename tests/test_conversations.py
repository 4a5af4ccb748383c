"""Every story in ``conversations/``: what each person is sent, and that it does not depend on who looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation import NotUnderstood, play, read, title_of
from tests.conversation_steps import Stage
from tests.fixtures import fixture_of
from tests.world import World, an_empty_quick_world

STORIES = sorted((Path(__file__).parent / "conversations").glob("*.txt"))
# Where SES reports that the mail has arrived, somebody looks.
UNREPORTED = [path for path in STORIES if "The mail arrives" not in path.read_text("utf-8")]

OPENING = """One who registers is invited
Ada publishes "Choir", 2027-03-12 09:00 to 10:30 Europe/Berlin
Bo registers
"""
INVITED = "Bo <- REQUEST 0, new UID, 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED, NEEDS-ACTION RSVP=TRUE"


world = fixture_of(an_empty_quick_world)


@pytest.mark.parametrize("path", STORIES, ids=title_of)
def test_as_it_is_written(world: World, path: Path) -> None:
    play(read(path), Stage(world, doorbells=True))


@pytest.mark.parametrize(
    "path", UNREPORTED[::3], ids=title_of
)  # the sweeper asks all shards every time, and that takes long
def test_as_it_is_written_with_every_hint_lost(world: World, path: Path) -> None:
    play(read(path), Stage(world, doorbells=False))


# --- the stories can fail -----------------------------------------------------------------------------------------


def written(folder: Path, *lines: str) -> Path:
    path = folder / "story.txt"
    path.write_text(OPENING + "\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("Bo sings", 4),
        ("    Bo hears something", 4),
        (f"  {INVITED}", 4),
        (f"    {INVITED.replace('REQUEST', 'PUBLISH')}", 4),
        (f"    {INVITED}\n        Summary: Choir", 5),
        ("        SUMMARY:Choir", 4),
        ("    nobody is sent anything, really", 4),
    ],
)
def test_a_line_that_is_not_understood_is_refused_by_its_number(tmp_path: Path, line: str, number: int) -> None:
    with pytest.raises(NotUnderstood, match=rf"story\.txt:{number}: not understood"):
        read(written(tmp_path, line))


@pytest.mark.parametrize("lines", [(), ("    Bo's calendar: empty",), (f"    {INVITED}", "Ada cancels it")])
def test_a_story_must_say_what_is_sent_for_everything_that_is_done(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(NotUnderstood, match="must be followed by what is sent"):
        read(written(tmp_path, *lines))


def test_what_a_calendar_shows_may_go_on_below(world: World, tmp_path: Path) -> None:
    shown = ('    Bo\'s calendar: "Choir", 2027-03-12 09:00', "        to 10:30", "        Europe/Berlin, CONFIRMED")
    play(read(written(tmp_path, f"    {INVITED}", *shown)), Stage(world, doorbells=True))
    with pytest.raises(NotUnderstood, match=r"story\.txt:6: not understood"):
        read(written(tmp_path, f"    {INVITED}", "    Ada sees Bo: ACCEPTED", "        or so"))


def test_a_story_in_which_nobody_does_anything_is_none(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("A title\n\n    nobody is sent anything\n", "utf-8")
    with pytest.raises(NotUnderstood, match="begins with what somebody does"):
        read(path)


@pytest.mark.parametrize(
    ("lines", "differences"),
    [
        (("    nobody is sent anything",), ("    4 -     nobody is sent anything", f"      +     {INVITED}")),
        ((f"    {INVITED}", f"    {INVITED}"), (f"    5 -     {INVITED}", "      +     Bo <- nothing")),
        (
            (f"    {INVITED.replace('T 0', 'T 1')}",),
            (f"    4 -     {INVITED.replace('T 0', 'T 1')}", f"      +     {INVITED}"),
        ),
        ((f"    {INVITED}", "        SUMMARY:Quire"), ("    5 -     SUMMARY:Quire", "      +     SUMMARY:Choir")),
        ((f"    {INVITED}", "        no SUMMARY"), ("    5 -     no SUMMARY", "      +     SUMMARY:Choir")),
        ((f"    {INVITED}", "        subject: Hello"), ("      +     subject: Invitation: Choir",)),
        ((f"    {INVITED}", "        mail: Goodbye"), ("      +     mail: ",)),
        (
            (f"    {INVITED}", "        UTC: 2027-03-12 09:00 to 2027-03-12 10:30"),
            ("      +     UTC: 2027-03-12 08:00 to 2027-03-12 09:30",),
        ),
        ((f"    {INVITED}", "    Bo's calendar: empty"), ('      +     Bo\'s calendar: "Choir", 2027-03-12 09:00',)),
        ((f"    {INVITED}", "    Ada sees Bo: ACCEPTED"), ("      +     Ada sees Bo: NEEDS-ACTION",)),
    ],
)
def test_what_is_not_as_it_is_written_is_shown_beside_its_line(
    world: World, tmp_path: Path, lines: tuple[str, ...], differences: tuple[str, ...]
) -> None:
    with pytest.raises(AssertionError) as raised:
        play(read(written(tmp_path, *lines)), Stage(world, doorbells=True))

    told = str(raised.value)
    assert "story.txt does not go as it is written" in told
    assert all(difference in told for difference in differences), told
