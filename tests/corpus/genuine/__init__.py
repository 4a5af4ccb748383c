"""Answers as mail programs write them, each a raw mail beside this file, listed in ``index.toml``.

A line of the index names the program and what the answer says, or another verdict and its reason; ``envelope``, ``spf``
and ``dmarc`` are SES's word where it is not that the mail is Bo's. With a ``date``, it answers one date of a series.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from convoke.inbound import Verdict
from convoke.model import Participation, frozen
from tests import factories
from tests.corpus.case import Case

FOLDER = Path(__file__).parent


@frozen
class Genuine:
    """A mail as ``client`` writes it. ``says``: how it must be understood, where it counts. ``date``: as ISO 8601."""

    client: str
    case: Case
    says: Participation | None = None
    date: str | None = None


def genuine() -> Iterator[Genuine]:
    for name, line in tomllib.loads((FOLDER / "index.toml").read_text()).items():
        yield _read(name, line)


def _read(name: str, line: dict[str, str]) -> Genuine:
    receipt = factories.receipt(envelope_sender=line.get("envelope", "bo@example.net"))
    receipt = replace(receipt, spf=line.get("spf", "PASS"), dmarc=line.get("dmarc", "PASS"))
    case = Case(
        name=name,
        raw=(FOLDER / f"{name}.eml").read_bytes(),
        receipt=receipt,
        expected=(Verdict(line.get("verdict", "apply")),),
        reasons=(line["reason"],) if "reason" in line else (),
    )
    says = Participation(line["says"]) if "says" in line else None
    return Genuine(client=line["client"], case=case, says=says, date=line.get("date"))
