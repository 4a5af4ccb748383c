"""What is true of every judgement, whatever the mail and whatever SES said of it.

It is said here once more and in other words than in ``inbound``, so that a mistake there is one here only by chance.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.authenticity import Receipt
from convoke.model import Participation, folded
from tests import factories
from tests.corpus import asked
from tests.corpus.case import ASIDE

FOUND = Path(__file__).parent.parent / "corpus" / "found"
"""What broke a law, each a raw mail that is judged again by the tests."""

SECONDS = 1

_PASSED = factories.receipt()
_GRAY = replace(_PASSED, dmarc="GRAY")

BELIEVABLE = (_PASSED, _GRAY, replace(_PASSED, spf="FAIL"))
UNBELIEVABLE = (
    *(replace(_PASSED, dmarc="FAIL"), replace(_PASSED, spam="FAIL"), replace(_PASSED, virus="FAIL")),
    *(replace(_GRAY, spf="FAIL"), replace(_GRAY, envelope_sender=""), replace(_GRAY, dmarc="PROCESSING_FAILED")),
)
RECEIPTS = (*BELIEVABLE, *UNBELIEVABLE)

_BO = "bo@example.net"
_OURS = {asked.MEETING, asked.WEEKLY, asked.DAYS}
# A From of one line that holds his address and nobody else's, but for what stands in a name.
_FROM_BO = re.compile(rb"(?im)^from:(?:[^\n]|\n[ \t])*\bbo(?:\+[^\s@]*)?@example\.net")


def check_all(raw: bytes) -> None:
    """As :func:`check`, whatever SES says: what is not believed with its blessing is not believed without."""
    if check(raw, _PASSED):
        for receipt in RECEIPTS:
            check(raw, receipt)


def check(raw: bytes, receipt: Receipt) -> bool:
    """Whether the mail is believed. Raises :class:`AssertionError` where that breaks a law, and whatever the judging
    raises.
    """
    began = time.process_time()
    judged = judge(receipt, raw, asked.look)
    assert time.process_time() - began < SECONDS, "slow"
    believed = [one for one in judged.each if one.verdict not in ASIDE]
    for one in judged.each:
        if one in believed:
            _believed(one, raw, receipt)
        else:
            assert one.reason is not None, "put aside for no reason"
    return bool(believed)


def _believed(judged: Judgement, raw: bytes, receipt: Receipt) -> None:
    assert receipt in BELIEVABLE, "believed without SES's word"
    assert judged.incoming is not None, "no mail"
    if receipt.dmarc == "GRAY":
        assert (judged.incoming.sender or "").partition("@")[2] == receipt.envelope_sender.partition("@")[2], (
            "another domain"
        )
    sender = folded(judged.incoming.sender or "")
    assert judged.seen is not None, "nobody's"
    person = judged.seen.registration.email
    alias = re.sub(r"(?<=.)\+[^@]*@", "@", sender)
    assert person in (sender, alias), "a stranger's"
    if sender != person:
        assert receipt.dmarc == "PASS", "another address without DMARC"
        assert receipt.envelope_sender.partition("@")[2] in ("", sender.partition("@")[2]), "another address, passed on"
    assert person != _BO or _FROM_BO.search(raw), "From is not to be seen"
    if judged.verdict is Verdict.FORWARD:
        assert judged.incoming.text, "nothing to pass on"
        return
    assert judged.answer is not None, "no answer"
    assert judged.answer.uid in _OURS or person != _BO, "another's UID"
    attendee = folded(judged.answer.attendee or person)
    assert person in (attendee, re.sub(r"(?<=.)\+[^@]*@", "@", attendee)), "for another"
    submitter = folded(judged.incoming.submitter or sender)
    if submitter != sender and submitter.partition("@")[2] == sender.partition("@")[2]:
        assert judged.verdict is Verdict.APPLY, "another of the house does more than answer"
        assert judged.answer.participation is Participation.ACCEPTED, "another of the house does more than accept"
        assert submitter == folded(judged.answer.sent_by or ""), "another of the house, whom nobody names"
    if judged.verdict is Verdict.APPLY:
        assert judged.reply is not None, "no reply"
        assert judged.reply.status is not Participation.NEEDS_ACTION, "says nothing"
        assert judged.reply.dtstamp <= receipt.received_at, "dated later than it came"
        assert judged.reply.sequence <= asked.SEQUENCE, "to what was never asked"
