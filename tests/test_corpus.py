"""Mails as they come in: the genuine ones count, the hostile ones do not, and none costs anything. Figures with -rP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache

import pytest

from convoke.inbound import Verdict, authenticity, itip_reply, judge, mime
from convoke.inbound.authenticity import Receipt
from convoke.model import Participation
from tests import factories
from tests.corpus import asked, bombs, measured
from tests.corpus.case import ASIDE, Case
from tests.corpus.genuine import FOLDER, Genuine, genuine
from tests.corpus.oddities import oddities
from tests.corpus.replies import MALLORY, REPLY, SAID, calendar, mail
from tests.fuzz import laws

GENUINE = tuple(genuine())
REPLIES = tuple(
    one for one in GENUINE if one.says or (one.case.expected == ASIDE[:1] and one.case.reasons != ("automatic",))
)
"""The answers among them, those that cannot count too. What else is genuine: proposals, questions, words, absences."""
ODD = tuple(oddities())
HOSTILE = measured.hostile()


@pytest.mark.parametrize("one", GENUINE, ids=lambda one: one.case.name)
def test_what_a_mail_program_writes_is_understood(one: Genuine) -> None:
    judged = one.case.judged()
    assert judged.verdict in one.case.expected, (one.client, judged.reason)
    assert not one.case.reasons or judged.reason in one.case.reasons
    if one.says is not None:
        assert judged.reply is not None
        assert judged.reply.status is one.says
        assert judged.reply.date == (one.date and _date(one.date))


def _date(text: str) -> object:
    read = datetime.fromisoformat(text)
    return read if "T" in text else read.date()


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.name)
def test_what_is_odd_in_an_answer_and_does_not_matter_does_not_matter(case: Case) -> None:
    judged = case.judged()
    assert (judged.verdict, judged.reason) == (Verdict.APPLY, None)
    assert judged.reply is not None
    handed_on = "handed on" in case.name
    assert judged.reply.status is (Participation.DELEGATED if handed_on else Participation.ACCEPTED)
    assert (judged.reply.sequence, judged.reply.date) == (asked.SEQUENCE, None)


def test_a_genuine_mail_is_nobody_s_without_ses_s_word() -> None:
    for case in (one.case for one in GENUINE):
        receipt = factories.receipt(dmarc="FAIL", envelope_sender=case.receipt.envelope_sender)
        assert judge(receipt, case.raw, asked.look).verdict is Verdict.QUARANTINE, case.name


def test_every_genuine_mail_is_listed_and_is_a_mail_as_it_goes_over_the_wire() -> None:
    assert {path.stem for path in FOLDER.glob("*.eml")} == {one.case.name for one in GENUINE}
    for one in GENUINE:
        head = one.case.raw.partition(b"\r\n\r\n")[0]
        assert head.count(b"\n") == head.count(b"\r\n") == head.count(b"\r"), one.case.name


def test_every_hostile_mail_is_put_aside(record_property: Callable[[str, object], None]) -> None:
    for case in HOSTILE:
        judged = case.judged()
        assert {one.verdict for one in judged.each} <= set(ASIDE), case.name
        assert judged.reason is not None, case.name
        assert not case.reasons or judged.reason in case.reasons, (case.name, judged.reason)
    record_property("attack count", ("forged and hostile mails, of which none counts", len(HOSTILE)))


@pytest.mark.parametrize("name", bombs.CARGO)
def test_what_an_answer_holds_besides_is_looked_at_by_nobody(name: str) -> None:
    case = Case(name=name, raw=mail(calendar(more=bombs.CARGO[name])), receipt=factories.receipt())
    cost = measured.measured(case)
    assert cost.seconds < measured.SECONDS
    assert cost.peak < measured.MEGABYTES * 2**20
    judged = case.judged()
    assert judged.reply is None or judged.reply.status is Participation.ACCEPTED


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """What a mail holds is the same whatever SES says of it, and is read when it is judged for the first time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "incoming", cache(mime.incoming))
        patch.setattr(itip_reply, "answers", cache(itip_reply.answers))
        yield


@pytest.mark.xdist_group("corpus")
@pytest.mark.usefixtures("read_once")
@pytest.mark.parametrize("receipt", laws.RECEIPTS, ids=lambda one: "-".join((one.dmarc, one.spf, one.spam, one.virus)))
def test_no_mail_of_the_corpus_breaks_a_law_whatever_ses_says_of_it(receipt: Receipt) -> None:
    for case in (*(one.case for one in GENUINE), *ODD, *HOSTILE):
        laws.check(case.raw, receipt)


def test_what_the_fuzzer_found_breaks_no_law_any_more(subtests: pytest.Subtests) -> None:
    for path in sorted(laws.FOUND.glob("*.eml")):
        with subtests.test(path.stem):
            laws.check_all(path.read_bytes())


@pytest.mark.parametrize(
    ("guard", "sender", "broken"),
    [
        ("distrust", "bo@example.net", "without SES's word"),
        ("stranger", MALLORY, "a stranger's"),
        ("check", "bo@example.net", "for another"),
    ],
)
def test_a_firewall_without_one_of_its_guards_breaks_a_law(
    monkeypatch: pytest.MonkeyPatch, guard: str, sender: str, broken: str
) -> None:
    attendee = SAID.replace("bo@", "cleo@") if guard == "check" else SAID
    raw = mail(calendar(attendee=attendee), sender=f"From: {sender}")
    laws.check_all(raw)
    monkeypatch.setattr(authenticity, guard, lambda *_, **__: None)
    with pytest.raises(AssertionError, match=broken):
        laws.check_all(raw)


def test_the_genuine_answer_that_the_hostile_ones_change_counts() -> None:
    judged = judge(factories.receipt(), mail(REPLY), asked.look)
    assert judged.verdict is Verdict.APPLY, "or no hostile mail proves anything"


def test_the_names_of_the_hostile_mails_are_their_own() -> None:
    assert [name for name, count in Counter(case.name for case in (*ODD, *HOSTILE)).items() if count > 1] == []


def test_of_the_genuine_answers_nearly_all_count_and_of_the_hostile_none_and_none_costs_anything() -> None:
    counted = Counter(one.case.judged().verdict for one in REPLIES)
    assert len(REPLIES) >= 60
    assert counted[Verdict.APPLY] >= 0.95 * len(REPLIES)
    command = [sys.executable, "-m", "tests.corpus.measured"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603
    assert ran.returncode == 0, ran.stderr[-2000:]
    *lines, most = map(json.loads, ran.stdout.splitlines())
    costs = [measured.Measured(**line) for line in lines]
    assert len(costs) == len(HOSTILE) >= 200
    assert {cost.verdict for cost in costs} <= set(ASIDE)
    slowest, largest = max(costs, key=lambda cost: cost.seconds), max(costs, key=lambda cost: cost.peak)
    print(f"genuine answers: {counted[Verdict.APPLY]} of {len(REPLIES)} count; of all {len(GENUINE)} mails:")
    print("   ", _counts(Counter(str(one.case.judged().verdict) for one in GENUINE)))
    print(f"hostile mails: 0 of {len(costs)} count:", _counts(Counter(cost.reason for cost in costs)))
    print(f"slowest: {slowest.seconds * 1000:.0f} ms, {slowest.name}")
    print(f"largest: {largest.peak / 2**20:.1f} MB, {largest.name}; the whole process {most:.0f} MB")
    assert slowest.seconds < measured.SECONDS
    assert most < measured.MEGABYTES


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
