"""Writes the MIME parts of mails (RFC 2045, RFC 2046), as the same bytes on every version of Python.

The structure of the mails is fixed, so it is written here directly. It is parsed again by Python's ``email`` package,
whose parsing of parts is the same in all versions.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from ..model import RenderError
from . import placeholders

LINE = 76  # octets in a line of a body, without its CRLF (RFC 2045, sections 6.7 and 6.8)

# The characters that stand for each octet in quoted-printable text.
_QUOTED = tuple(
    chr(octet) if octet == 0x09 or (0x20 <= octet <= 0x7E and octet != 0x3D) else f"={octet:02X}"
    for octet in range(256)
)


def digest(name: str) -> str:
    """What tells the boundaries of one mail from those of others. It depends on ``name`` alone, and cannot occur in an
    encoded body.
    """
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def boundary(digest: str, number: int) -> str:
    """The boundary of a mail's multipart ``number``."""
    return f"=_{number}_{digest}"


def multipart(kind: str, boundary: str, parts: Iterable[bytes]) -> bytes:
    """A part ``multipart/<kind>`` with these ``parts``, each of which begins with its own fields."""
    opened = b"".join(f"\r\n--{boundary}\r\n".encode() + part for part in parts)
    fields = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n'
    return fields.encode() + opened + f"\r\n--{boundary}--\r\n".encode()


def text(kind: str, content: str, rest: str = "") -> bytes:
    """A part ``text/<kind>`` in UTF-8, quoted-printable. ``content`` ends with a line break; or it is followed by the
    placeholder of a personal link and the ``rest``, which does.
    """
    fields = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return fields.encode() + (_around_placeholder(content, rest) if rest else quoted_printable(content))


def _around_placeholder(before: str, after: str) -> bytes:
    """Quoted-printable with the placeholder between the two texts, on a line of its own: so a link of any length can be
    written there. A line is continued by a soft line break (RFC 2045, section 6.7 (5)) where the text has none.
    """
    whole, _, begun = before.rpartition("\n")
    written = quoted_printable(f"{whole}\n") if "\n" in before else b""
    if begun:
        written += "".join(f"{line.removesuffix('=')}=\r\n" for line in folded(quoted(begun), LINE - 1)).encode()
    ends = b"\r\n" if after.startswith("\n") else b"=\r\n"
    rest = after.removeprefix("\n")
    return written + placeholders.WRITTEN + ends + (quoted_printable(rest) if rest else b"")


def calendar(in_base64: bytes, method: str) -> bytes:
    """The calendar as the part that programs process (RFC 6047, section 2.4). ``method`` is its METHOD."""
    return _base64(in_base64, f'Content-Type: text/calendar; charset="UTF-8"; method="{method}"')


def attachment(in_base64: bytes) -> bytes:
    """The calendar once more as the attachment ``invite.ics``, for programs that only open files."""
    return _base64(
        in_base64,
        'Content-Disposition: attachment; filename="invite.ics"',
        'Content-Type: application/ics; name="invite.ics"',
    )


def base64_lines(data: bytes) -> bytes:
    """``data`` in base64, on lines of 76 octets."""
    encoded = binascii.b2a_base64(data, newline=False)
    return b"".join([encoded[at : at + LINE] + b"\r\n" for at in range(0, len(encoded), LINE)])


def _base64(in_base64: bytes, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in ("Content-Transfer-Encoding: base64", *fields))
    return head.encode() + b"\r\n" + in_base64


def quoted_printable(content: str) -> bytes:
    """``content`` in UTF-8, quoted-printable, on lines of at most 76 octets (RFC 2045, section 6.7), not broken inside
    an escape.
    """
    return "".join(
        f"{line}\r\n" for whole in content.removesuffix("\n").split("\n") for line in folded(quoted(whole))
    ).encode()


def quoted(text: str) -> str:
    """``text``, which is on one line, with its escapes, not folded."""
    return "".join([_QUOTED[octet] for octet in text.encode("utf-8")])


def folded(line: str, most: int = LINE) -> Iterable[str]:
    """The ``quoted`` text of one line, on lines of at most ``most`` octets."""
    if line.endswith((" ", "\t")):
        # White space at the end of a line may be removed in transport.
        line = f"{line[:-1]}={ord(line[-1]):02X}"
    while len(line) > most:
        end = most - 1
        if "=" in line[end - 2 : end]:
            end = line.rindex("=", 0, end)
        yield f"{line[:end]}="
        line = line[end:]
    yield line


def decoded_body(part: Message) -> bytes:
    """The decoded body of a part that is no multipart."""
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def parts(mail: bytes, kinds: tuple[str, ...]) -> tuple[Message, ...]:
    """The parts of ``mail``, the whole mail first, as Python's ``email`` package parses them.

    To be used for their content types and bodies only: how the package parses other fields depends on its version.
    Raises :class:`RenderError` unless they have the content types ``kinds``, in this order, without defects.
    """
    found = tuple(message_from_bytes(mail, policy=compat32).walk())
    if tuple(part.get_content_type() for part in found) != kinds or any(part.defects for part in found):
        raise RenderError("the mail has other parts than were meant")
    return found


def method(part: Message) -> str | None:
    """The parameter ``method`` of a part text/calendar, or ``None``."""
    found = part.get_param("method")
    return found if isinstance(found, str) else None
