"""What SES itself wrote at the top of a mail when it took it in: whose DKIM signatures hold.

The notification says that some signature holds, not whose; the header Authentication-Results (RFC 8601) names the
domains. Anybody can write such a header into a mail. SES puts its own fields on top of the sender's, and the first of
them, Received, has the id that SES gave to this mail: nobody can know that id beforehand. Only what stands between this
field and the end of SES's own fields is read, and only where every word of it is as SES writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 16 * 1024
"""How many octets of the mail SES's own fields are looked for in."""

_HOST = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.google\.com"
_RECEIVED = re.compile(
    rf"from {_HOST} \({_HOST} \[[0-9a-f.:]+\]\) by inbound-smtp\.[a-z0-9-]+\.amazonaws\.com with SMTP id (\w+) for .*"
)
# The sender chooses what stands behind envelope-from and helo: nothing there may look like another clause.
_RESULTS = re.compile(
    r"amazonses\.com; spf=[a-z]+ \([^()\";]*\) client-ip=[0-9a-f.:]+; envelope-from=([A-Za-z0-9.+=_@-]*); "
    rf"helo={_HOST};((?: dkim=[a-z]+(?: header\.[di]=[A-Za-z0-9.@_-]+)?;)+)(?: dmarc=[a-z]+ header\.from=[a-z0-9.-]+;)?"
)
_PASSED = re.compile(r" dkim=pass header\.(?:d=|i=@)([a-z0-9.-]+);")

_RESULTS_NAME, _LAST_NAME = "authentication-results", "x-ses-receipt"
_BETWEEN = ("x-ses-spam-verdict", "x-ses-virus-verdict", "received-spf", _RESULTS_NAME)


def signers(raw: bytes, ses_id: str, envelope_sender: str) -> frozenset[str]:
    """The domains whose signatures hold by SES's own word, of a mail that one of Google's servers handed to SES.

    Empty where that is not certain.
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
    """The header fields, unfolded, up to the first line that is none; names in lower case."""
    head = re.split(rb"\r?\n\r?\n", raw[:_LONGEST], maxsplit=1)[0].decode("latin-1")
    for line in re.sub(r"\r?\n[ \t]+", " ", head).split("\n"):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            return
        yield name.lower(), value.strip()
