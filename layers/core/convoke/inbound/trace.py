"""Reads which domains' DKIM signatures are valid, from the header fields that SES adds to a mail on receipt.

SES's notification says whether some signature is valid, not of which domain; Authentication-Results (RFC 8601) names
the domains. A sender can write such a field too. But SES puts its own fields above the sender's, and the first of them,
Received, has the id that SES gave to this mail, which nobody can know before. So only the fields between this one and
the last of SES's own are read, and only if they match SES's format exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 16 * 1024
"""Bytes at the beginning of the mail in which SES's fields are searched."""

_HOST = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.google\.com"
_RECEIVED = re.compile(
    rf"from {_HOST} \({_HOST} \[[0-9a-f.:]+\]\) by inbound-smtp\.[a-z0-9-]+\.amazonaws\.com with SMTP id (\w+) for .*"
)
# The sender chooses the values of envelope-from and helo, so these must not be able to look like another clause.
_RESULTS = re.compile(
    r"amazonses\.com; spf=[a-z]+ \([^()\";]*\) client-ip=[0-9a-f.:]+; envelope-from=([A-Za-z0-9.+=_@-]*); "
    rf"helo={_HOST};((?: dkim=[a-z]+(?: header\.[di]=[A-Za-z0-9.@_-]+)?;)+)(?: dmarc=[a-z]+ header\.from=[a-z0-9.-]+;)?"
)
_PASSED = re.compile(r" dkim=pass header\.(?:d=|i=@)([a-z0-9.-]+);")

_RESULTS_NAME, _LAST_NAME = "authentication-results", "x-ses-receipt"
_BETWEEN = ("x-ses-spam-verdict", "x-ses-virus-verdict", "received-spf", _RESULTS_NAME)


def signers(raw: bytes, ses_id: str, envelope_sender: str) -> frozenset[str]:
    """The domains whose signatures SES found valid, in lower case, of a mail that a server of Google delivered to SES.

    Empty if that is not certain.
    """
    fields = list(_fields(raw))
    own = [name for name, value in fields if name == _RESULTS_NAME and "amazonses" in value.lower()]
    if len(own) != 1 or sum(name == _LAST_NAME for name, _ in fields) != 1:
        return frozenset()
    if fields[0][0] == "return-path":
        del fields[0]
    names = [name for name, _ in fields]
    last = names.index(_LAST_NAME)
    if names[0] != "received" or not set(names[1:last]) <= set(_BETWEEN) or names[last - 1] != _RESULTS_NAME:
        return frozenset()
    received, results = _RECEIVED.fullmatch(fields[0][1]), _RESULTS.fullmatch(fields[last - 1][1])
    if received is None or results is None or received[1] != ses_id or results[1].lower() != envelope_sender:
        return frozenset()
    return frozenset(_PASSED.findall(results[2]))


def _fields(raw: bytes) -> Iterator[tuple[str, str]]:
    """The header fields, unfolded, up to the first line that is no field; names in lower case."""
    head = re.split(rb"\r?\n\r?\n", raw[:_LONGEST], maxsplit=1)[0].decode("latin-1")
    for line in re.sub(r"\r?\n[ \t]+", " ", head).split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            return
        yield name.lower(), value.strip()
