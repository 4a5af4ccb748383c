"""Stories in plain text, played with the real protocol.

A file is one story; its first line is the title. What people do stands at the margin, in the order of doing; what
follows from it stands below, four spaces in; more about one message, eight spaces in. Lines that begin with # are for
the reader.

    Ada publishes "Choir", 2027-03-12 09:00 to 10:30 Europe/Berlin
    Bo registers
        Bo <- REQUEST 0, new UID, 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED, NEEDS-ACTION RSVP=TRUE
            SUMMARY:Choir
        Bo's calendar: "Choir", 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED

What is done without a consequence in between is done in one breath: nobody looks until all of it is done. Whatever is
sent must stand in the file, and nothing else is sent. Bo's address is bo@example.net, Ada organizes, and it is
2027-01-15 12:00 UTC.

A message is METHOD and SEQUENCE, for one date of a series also ``for 2027-03-19 09:00``, its original start; whether
its UID was never seen by anybody before (new), is that of the last message to this address (same) or of one before that
(older); when it is, in the zone that is named; STATUS, PARTSTAT and RSVP. All-day events name their last day. Below it
may stand a content line of the calendar (``LOCATION:Dom``), ``no LOCATION``, ``UTC:`` by the VTIMEZONE in the message,
and ``subject:`` or ``mail:``, words of the mail. What Ada sees is the answer to the whole, or, in ``Ada sees Bo on
2027-03-19 09:00: ACCEPTED``, to one date.

A calendar is what one that follows RFC 5546 to the letter makes of all that came (``tests/rfc5546.py``). A single event
is told as above, a series by its first date as the rule has it, then each date by its original start, in that order.
A date of which something was told apart says in parentheses what is other about it; one that was taken out says no.
The year stands where it is not the first date's, a time where it is not the first date's (one that the clock skips, one
more date). A long line goes on below, eight spaces in::

    Bo's calendar: "Choir", weekly 2027-03-12 09:00 to 10:30 Europe/Berlin, CONFIRMED: 12 Mar, no 19 Mar,
        26 Mar (moved to 2027-03-27 09:00 to 10:30), 2 Apr (called "Concert", at "Dom", described as "Black tie"),
        7 Jan 2028, 9 Jan 2028 18:00

In place of ``weekly`` there may be ``every 2 weeks`` and so on, and ``by date`` where there is no rule. A date that the
series does not have is ``(not of the series)``. One of which the calendar knows no series stands by itself, and several
are joined by ``and``::

    Bo's calendar: "Choir", 2027-03-20 09:00 to 10:30 Europe/Berlin, CONFIRMED, one date, moved from 2027-03-19 09:00
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from convoke.model import frozen
from tests.conversation_date_steps import ACTIONS
from tests.conversation_steps import DAY, NAME, TIME, WHO, Stage
from tests.mailbox import Arrived, one_space

NOBODY = "nobody is sent anything"
SAYS = r"(?:CONFIRMED|TENTATIVE|CANCELLED), (?:NEEDS-ACTION|ACCEPTED|DECLINED|TENTATIVE)(?: RSVP=(?:TRUE|FALSE))?"
MESSAGE = re.compile(
    rf"(?P<who>{WHO}) <- (?:the same bytes again"
    rf"|(?:REQUEST|CANCEL) \d+(?: for {NAME})?, (?:new|same|older) UID, {TIME}, {SAYS})"
)
CALENDAR = re.compile(rf"(?P<who>{WHO})'s calendar: (?:empty|\".+)")
ANSWER = re.compile(
    rf"Ada sees (?P<who>\w+)(?: on (?P<date>{NAME}))?: (?:NEEDS-ACTION|ACCEPTED|DECLINED|TENTATIVE)"
    r"(?P<status>, (?:registered|waitlisted|declined|cancelled))?"
)
PROPERTY = re.compile(r"(?P<no>no )?(?P<name>[A-Z-]{3,})(?(no)|[;:].*)")
UTC = re.compile(rf"UTC: {DAY} \d\d:\d\d to {DAY} \d\d:\d\d")
WORDS = re.compile(r"(?:subject|mail): .+")


class NotUnderstood(Exception):
    """A line that is not in the language, or not in its place."""


@frozen
class Line:
    number: int
    text: str


@frozen
class Message:
    """One message that is expected, and what else is expected of it."""

    line: Line
    who: str
    details: tuple[Line, ...]


@frozen
class Scene:
    """What is done in one breath, what is sent for it, and what is seen then."""

    actions: tuple[Line, ...]
    messages: tuple[Message, ...]
    nobody: tuple[Line, ...]
    seen: tuple[Line, ...]


@frozen
class Story:
    path: Path
    title: str
    scenes: tuple[Scene, ...]


# --- reading ------------------------------------------------------------------------------------------------------


def title_of(path: Path) -> str:
    return path.read_text("utf-8").partition("\n")[0]


def read(path: Path) -> Story:
    """The story in ``path``. Raises :class:`NotUnderstood`, naming file and line, for anything that is not one."""
    title, *rest = path.read_text("utf-8").splitlines()
    lines = [
        Line(number=number, text=text.rstrip())
        for number, text in enumerate(rest, start=2)
        if text.strip() and not text.lstrip().startswith("#")
    ]
    # A scene begins where somebody does something after something has followed.
    begins = [at for at, line in enumerate(lines) if _depth(line) == 0 and (at == 0 or _depth(lines[at - 1]) > 0)]
    if not begins or begins[0] != 0:
        raise NotUnderstood(f"{path}: a story begins with what somebody does")
    ends = [*begins[1:], len(lines)]
    return Story(
        path=path,
        title=title,
        scenes=tuple(_scene(path, lines[begin:end]) for begin, end in zip(begins, ends, strict=True)),
    )


def _depth(line: Line) -> int:
    return len(line.text) - len(line.text.lstrip())


def _scene(path: Path, lines: list[Line]) -> Scene:
    actions: list[Line] = []
    messages: list[Message] = []
    nobody: list[Line] = []
    seen: list[Line] = []
    for line in lines:
        text, depth = one_space(line.text), _depth(line)
        line = Line(number=line.number, text=text)
        if depth == 0 and _action(text):
            actions.append(line)
        elif depth == 4 and (found := MESSAGE.fullmatch(text)):
            messages.append(Message(line=line, who=found["who"], details=()))
        elif depth == 4 and text == NOBODY:
            nobody.append(line)
        elif depth == 4 and (CALENDAR.fullmatch(text) or ANSWER.fullmatch(text)):
            seen.append(line)
        elif depth == 8 and messages and not seen and any(kind.fullmatch(text) for kind in (UTC, WORDS, PROPERTY)):
            last = messages.pop()
            messages.append(Message(line=last.line, who=last.who, details=(*last.details, line)))
        elif depth == 8 and seen and CALENDAR.fullmatch(seen[-1].text):
            begun = seen.pop()
            seen.append(Line(number=begun.number, text=f"{begun.text} {text}"))
        else:
            raise NotUnderstood(f"{path}:{line.number}: not understood: {text}")
    if len(nobody) + bool(messages) != 1:
        raise NotUnderstood(f"{path}:{lines[-1].number}: must be followed by what is sent, or that {NOBODY}")
    return Scene(actions=tuple(actions), messages=tuple(messages), nobody=tuple(nobody), seen=tuple(seen))


def _action(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in ACTIONS)


# --- playing ------------------------------------------------------------------------------------------------------

Row = tuple[Line | None, str]
"""A line of the file (or none where one is missing), and what is true instead of it: equal where it is true."""


def play(story: Story, stage: Stage) -> None:
    """Play all scenes. Raises :class:`AssertionError` with what is not as it is written, beside the file's lines."""
    for scene in story.scenes:
        for line in scene.actions:
            stage.act(line.text)
        stage.settle()
        rows = [*_sent(scene, stage), *_seen(scene, stage)]
        if any(line is None or line.text != true for line, true in rows):
            raise AssertionError(_differences(story, scene, rows))


def _sent(scene: Scene, stage: Stage) -> Iterator[Row]:
    """Message by message to each of them: who is told before whom is nobody's business."""
    news = stage.news()
    for line in scene.nobody:
        yield line, NOBODY if not news else "somebody is"
    for who in dict.fromkeys([*(message.who for message in scene.messages), *(name for name, _, _ in news)]):
        expected = [message for message in scene.messages if message.who == who]
        for message, came in zip_longest(expected, [(text, rendered) for name, text, rendered in news if name == who]):
            text, rendered = came or (f"{who} <- nothing", None)
            yield message.line if message else None, text
            if message and rendered:
                yield from ((detail, _true(detail.text, rendered)) for detail in message.details)


def _true(text: str, rendered: Arrived) -> str:
    """``text`` itself where it is true of the mail, else what is."""
    if text.startswith("UTC: "):
        return f"UTC: {rendered.in_utc}"
    if text.startswith("subject: "):
        return f"subject: {rendered.subject}"
    if text.startswith("mail: "):
        return text if text.removeprefix("mail: ") in rendered.words else f"mail: {rendered.words}"
    name = text.removeprefix("no ").partition(":")[0].partition(";")[0]
    return " and ".join(line for line in rendered.lines if re.match(rf"{name}[;:]", line)) or f"no {name}"


def _seen(scene: Scene, stage: Stage) -> Iterator[Row]:
    for line in scene.seen:
        if found := CALENDAR.fullmatch(line.text):
            yield line, f"{found['who']}'s calendar: {stage.mailbox(found['who']).shows()}"
        elif found := ANSWER.fullmatch(line.text):
            status = f", {stage.status(found['who'])}" if found["status"] else ""
            on = f" on {found['date']}" if found["date"] else ""
            yield line, f"Ada sees {found['who']}{on}: {stage.participation(found['who'], found['date'])}{status}"


def _differences(story: Story, scene: Scene, rows: list[Row]) -> str:
    told = [f"{story.path} does not go as it is written:"]
    told += [f"{line.number:5}   {line.text}" for line in scene.actions]
    for line, true in rows:
        if line is not None:
            told.append(f"{line.number:5} {' ' if line.text == true else '-'}     {line.text}")
        if line is None or line.text != true:
            told.append(f"      +     {true}")
    return "\n".join(told)
