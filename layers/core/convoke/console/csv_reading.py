"""A file of people as it was made by somebody: bytes in some encoding, with some separator, as lines of cells. Pure.

Understood are UTF-8, UTF-16 and Windows-1252, with or without a byte order mark; commas, semicolons, tabs and bars
between cells; quotes as in RFC 4180; and all kinds of line ends.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from ..model import ConvokeError, frozen
from ..web.csv_export import undefused

MOST_BYTES = 4_000_000
"""Of a file: a request to Lambda has at most 6 MB, in Base64."""
MOST_LINES = 10_000
"""Of people, without the heading and blank lines."""
MOST_COLUMNS = 100
MOST_BREAKS = 100
"""Line breaks in one cell: with more of them a quotation mark is missing."""
SEPARATORS = ("\t", ";", ",", "|")
LOOKED_AT = 30
"""Lines by which the separator is found."""

_OF_OTHER_PROGRAMS = (
    (b"PK\x03\x04", "This is an Excel or OpenDocument file. Open it there, save it as CSV, and choose that file."),
    (b"\xd0\xcf\x11\xe0", "This is an Excel file. Open it in Excel, save it as CSV, and choose that file."),
    (b"%PDF", "This is a PDF. Choose a file of comma-separated values (CSV)."),
    (b"\x1f\x8b", "This file is compressed. Unpack it, and choose the file inside."),
    (b"{\\rtf", "This is a text document. Save the table as CSV, and choose that file."),
)


class Unreadable(ConvokeError):
    """What was sent is no table of people; the text says why, as a sentence for whoever sent it."""


@frozen
class Row:
    """One line of the table: the number of the line at which it begins in the file, from 1, and its cells, without
    white space around them.
    """

    number: int
    cells: tuple[str, ...]


def decoded(content: bytes) -> str:
    """The text of a file, with ``\\n`` at the ends of lines. Raises :class:`Unreadable`."""
    if len(content) > MOST_BYTES:
        raise Unreadable("The file is too large: it may have 4 MB. Split it, and import each part.")
    for start, why in _OF_OTHER_PROGRAMS:
        if content.startswith(start):
            raise Unreadable(why)
    text = _text(content).replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    if "\0" in text:
        raise Unreadable("This is not a text file. Save the table as CSV, and choose that file.")
    if not text.strip():
        raise Unreadable("There is nothing in it. Paste the lines, or choose a file that has some.")
    return text


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    # Of a text in a Latin script without a byte order mark every other byte is zero.
    start = content[:2000]
    for zeros, encoding in ((start[1::2], "utf-16-le"), (start[::2], "utf-16-be")):
        if zeros and zeros.count(0) > len(zeros) / 2:
            return content.decode(encoding, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        # Five bytes are nothing in Windows-1252.
        return content.decode("cp1252", "replace")


def rows(text: str) -> tuple[Row, ...]:
    """The lines of a table that have something in them. Raises :class:`Unreadable`."""
    said = re.match(r'sep=([^"])\n', text)  # Excel's own way to name the separator
    skipped, separator = (1, said[1]) if said else (0, "")
    lines = io.StringIO(text[said.end() :] if said else text, newline="\n")
    reader = csv.reader(lines, delimiter=separator or separator_of(text), skipinitialspace=True)
    found = tuple(_numbered(reader, skipped))
    if len(found) > MOST_LINES + 1:
        raise Unreadable(f"There are more than {MOST_LINES:,} lines. Split the file, and import each part.")
    return found


def _numbered(reader: Iterator[list[str]], skipped: int) -> Iterator[Row]:
    number, count = skipped + 1, 0
    try:
        for cells in reader:
            row, number = Row(number=number, cells=_cells(cells)), skipped + reader.line_num + 1  # type: ignore[attr-defined]
            if len(row.cells) > MOST_COLUMNS:
                raise Unreadable(f"Line {row.number} has more than {MOST_COLUMNS} columns.")
            if any(cell.count("\n") > MOST_BREAKS for cell in row.cells):
                raise Unreadable(f"In line {row.number} a quotation mark opens a cell, and none closes it.")
            if any(row.cells):
                yield row
                count += 1
            if count > MOST_LINES + 1:
                return
    except csv.Error:
        raise Unreadable(
            f"Line {number} cannot be read: a cell is very long. Perhaps a quotation mark is missing."
        ) from None


def _cells(cells: list[str]) -> tuple[str, ...]:
    """The cells without empty ones at the end."""
    stripped = [undefused(cell.strip()).strip() for cell in cells[: MOST_COLUMNS + 1]]
    while stripped and not stripped[-1]:
        stripped.pop()
    return tuple(stripped)


def separator_of(text: str) -> str:
    """The separator that as many lines as possible have as often as the first."""
    outside = re.sub(r'"[^"]*"', "", text[:100_000])
    lines = [line for line in outside.split("\n")[:LOOKED_AT] if line]

    def suits(separator: str) -> tuple[int, int]:
        counts = [line.count(separator) for line in lines] or [0]
        return sum(count == counts[0] for count in counts) if counts[0] else 0, sum(counts)

    best = max(SEPARATORS, key=suits)
    return best if any(suits(best)) else ","
