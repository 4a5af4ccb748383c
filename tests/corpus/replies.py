"""A genuine answer of Bo's, each line of which can be replaced."""

from __future__ import annotations

from tests.corpus import asked

MALLORY = "mallory@example.org"

SAID = "ATTENDEE;PARTSTAT=ACCEPTED;CN=Bo Ek:mailto:bo@example.net"


def calendar(
    *,
    method: str = "METHOD:REPLY",
    uid: str = f"UID:{asked.MEETING}",
    sequence: str = "SEQUENCE:1",
    dtstamp: str = "DTSTAMP:20270115T121500Z",
    attendee: str = SAID,
    more: str = "",
    after: str = "",
) -> bytes:
    """The lines of a reply. What is empty is left out; ``\\n`` in a value begins another line."""
    event = (uid, sequence, dtstamp, attendee, "ORGANIZER:mailto:events@convoke.example.com", more)
    head = ("BEGIN:VCALENDAR", "PRODID:-//Example//EN", "VERSION:2.0", method)
    lines = (*head, "BEGIN:VEVENT", *event, "END:VEVENT", after)
    return "".join(f"{line}\n" for line in (*lines, "END:VCALENDAR") if line).replace("\n", "\r\n").encode()


REPLY = calendar()


def mail(
    body: bytes = REPLY,
    *,
    sender: str = "From: Bo Ek <bo@example.net>",
    more: str = "",
    kind: str = "text/calendar; charset=utf-8; method=REPLY",
    encoding: str = "8bit",
) -> bytes:
    """A mail that is one part. ``sender`` and ``more`` are whole header lines; what is empty is left out."""
    lines = (
        *(sender, "To: events@convoke.example.com", "Subject: Accepted: Treffen", more, "MIME-Version: 1.0"),
        *(f"Content-Type: {kind}" if kind else "", f"Content-Transfer-Encoding: {encoding}" if encoding else ""),
    )
    head = "".join(f"{line}\r\n" for line in lines if line)
    return f"{head}\r\n".encode() + body


def part(
    body: bytes = REPLY, *, kind: str = "text/calendar; charset=utf-8; method=REPLY", encoding: str = "8bit"
) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


HELLO = part(b"Bo has accepted.\r\n", kind="text/plain; charset=utf-8")


def packed(*parts: bytes, kind: str = "mixed", boundary: str = "b0", **changes: str) -> bytes:
    """A mail of several parts."""
    inside = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    whole = inside + f"--{boundary}--\r\n".encode()
    return mail(whole, kind=f'multipart/{kind}; boundary="{boundary}"', **({"encoding": "7bit"} | changes))


def inner(*parts: bytes, boundary: str, kind: str = "mixed") -> bytes:
    """Several parts as one part of a mail."""
    inside = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'
    return head.encode() + inside + f"--{boundary}--".encode()
