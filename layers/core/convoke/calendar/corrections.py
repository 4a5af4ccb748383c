"""What the library ``icalendar`` writes otherwise than it is sent, and how it is written instead.

Each of these corrects one fault of the library; ``tests/test_corrections.py`` has a test for each that fails once the
library has corrected it. Besides, ``content_lines.write`` folds lines, since the library folds inside escapes, and
``vtimezone`` makes the time zones, since the library makes them an hour wrong.
"""

from __future__ import annotations

from typing import Any, TypeVar

from icalendar import Parameters, vText, vUnknown

from . import content_lines

Value = TypeVar("Value", bound=Any)


class Text(vText):
    """A TEXT value. The library takes ``\\N`` for a line break, and so writes ``C:\\New`` in two lines."""

    def to_ical(self) -> bytes:
        return content_lines.escaped(self).encode()


class Unchanged(vUnknown):
    """A value that is written as it is: a duration, of which the library makes another one (PT24H becomes P1D, which is
    not the same where the clock changes), or a rule, whose parts the library puts into another order.
    """


class PlainParameters(Parameters):
    """Parameters that :func:`content_lines.parameter` has made safe. The library doubles carets (RFC 6868), which
    programs that do not support that show.
    """

    def to_ical(self, sorted: bool = False) -> bytes:  # noqa: A002, ARG002 (as the library names it)
        return content_lines.parameters(tuple(self.items())).encode()


def with_parameters(value: Value, **params: str) -> Value:
    """``value`` with these parameters, in this order, each made safe by :func:`content_lines.parameter`."""
    value.params = PlainParameters({name: content_lines.parameter(text) for name, text in params.items()})
    return value
