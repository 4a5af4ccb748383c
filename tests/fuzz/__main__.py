"""Fuzz what comes in for so many seconds: ``python -m tests.fuzz 60``.

The fuzzer begins with the corpus, and with what it grew out of it before, in ``.local/fuzz``. What breaks a law is kept
among the corpus as a mail, and ends the run.
"""

from __future__ import annotations

import hashlib
import importlib
import platform
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
GROWN = Path(".local/fuzz/grown")
SEEDS = Path(".local/fuzz/seeds")
LONGEST = 48 * 1024

# The first byte of an input says whether the rest is a mail, or the calendar in one of Bo's.
WHOLE, CALENDAR = b"\0", b"\1"


def fuzzer() -> Any:
    try:
        return importlib.import_module("atheris")
    except ImportError:
        sys.exit(
            f"There is no atheris for Python {platform.python_version()} on {sys.platform}, {platform.machine()}: "
            "make fuzz runs on Linux, x86-64, with Python 3.11 to 3.13."
        )


def wrapped(calendar: bytes) -> bytes:
    """A mail of Bo's that holds ``calendar``."""
    replies = importlib.import_module("tests.corpus.replies")
    return bytes(replies.mail(calendar))


def opened(data: bytes) -> bytes:
    """The mail that an input stands for."""
    return wrapped(data[1:]) if data[:1] == CALENDAR else data[1:]


def sow() -> None:
    """Write the corpus as inputs: each mail as it is, and each calendar that our own reader finds in one."""
    envelope = importlib.import_module("convoke.inbound.mime")
    mails = [one.case.raw for one in importlib.import_module("tests.corpus.genuine").genuine()]
    mails += [case.raw for case in importlib.import_module("tests.corpus.measured").hostile()]
    SEEDS.mkdir(parents=True, exist_ok=True)
    GROWN.mkdir(parents=True, exist_ok=True)
    for raw in mails:
        _seed(WHOLE + raw)
        calendar = envelope.incoming(raw).calendar
        if calendar:
            _seed(CALENDAR + calendar)


def _seed(data: bytes) -> None:
    if len(data) <= LONGEST:
        (SEEDS / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def keep(raw: bytes, error: Exception, laws: ModuleType) -> Path:
    """Write what broke a law among the corpus, named after what was wrong."""
    what = str(error) if isinstance(error, AssertionError) else type(error).__name__
    name = "-".join((*re.findall("[a-z]+", what.lower())[:6], hashlib.sha256(raw).hexdigest()[:8]))
    laws.FOUND.mkdir(exist_ok=True)
    path = Path(laws.FOUND) / f"{name}.eml"
    path.write_bytes(raw)
    return path


def main(seconds: int) -> None:
    atheris = fuzzer()
    with atheris.instrument_imports(include=["convoke", "email", "quopri", "encodings"]):
        laws = importlib.import_module("tests.fuzz.laws")
    sow()

    def one(data: bytes) -> None:
        raw = opened(data)
        try:
            laws.check_all(raw)
        except Exception as error:
            traceback.print_exc()
            print(f"Kept as {keep(raw, error, laws)}", file=sys.stderr)
            raise

    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": 10,
        "rss_limit_mb": 1024,
        "print_final_stats": 1,
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    artifacts = f"-artifact_prefix={GROWN.parent}/"
    atheris.Setup([sys.argv[0], *flags, artifacts, f"-dict={HERE / 'dictionary.txt'}", str(GROWN), str(SEEDS)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
