"""One mail, what SES said of it, and how it must be judged."""

from __future__ import annotations

from typing import Any

from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.authenticity import Receipt
from convoke.model import frozen
from tests import factories
from tests.corpus import asked
from tests.corpus.asked import Look

ASIDE = (Verdict.QUARANTINE, Verdict.LATE)
"""What may become of a hostile mail."""


@frozen
class Case:
    """``expected``: what becomes of it. ``reasons``: one of these is why; any will do where there are none."""

    name: str
    raw: bytes
    receipt: Receipt
    look: Look = asked.look
    expected: tuple[Verdict, ...] = ASIDE
    reasons: tuple[str, ...] = ()

    def judged(self) -> Judgement:
        return judge(self.receipt, self.raw, self.look)


def hostile(name: str, raw: bytes, *reasons: str, look: Look = asked.look, **receipt: Any) -> Case:
    """A mail that must be put aside for one of ``reasons``. ``receipt``: what SES said, but for what is as Bo's is."""
    return Case(name=name, raw=raw, receipt=factories.receipt(**receipt), look=look, reasons=reasons)
