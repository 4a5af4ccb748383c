"""The parts of the mails that we send (RFC 2045, RFC 2046), to the same bytes on every Python.

What a mail is made of never varies but in its text and its calendar: so it is written out here, and read back by the
library, whose reader of parts does not depend on its version.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from ..model import RenderError

LINE = 76  # octets in a line of a body, without its CRLF (RFC 2045, sections 6.7 and 6.8)


def boundary(name: str, number: int) -> str:
    """The boundary of a mail's multipart ``number``: it depends on ``name`` alone, and no encoded body holds it."""
    return f"=_{number}_{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def multipart(kind: str, boundary: str, parts: Iterable[bytes]) -> bytes:
    """``multipart/kind`` with these ``parts``, each with its own fields."""
    opened = b"".join(f"\r\n--{boundary}\r\n".encode() + part for part in parts)
    fields = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n'
    return fields.encode() + opened + f"\r\n--{boundary}--\r\n".encode()


def text(kind: str, said: str) -> bytes:
    """``text/kind`` in UTF-8, quoted-printable. ``said`` ends with a line break."""
    fields = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return fields.encode() + quoted_printable(said)


def calendar(data: bytes, method: str) -> bytes:
    """The calendar for programs that answer it (RFC 6047, section 2.4). ``method`` is its METHOD."""
    return _base64(data, f'Content-Type: text/calendar; charset="UTF-8"; method="{method}"')


def attachment(data: bytes) -> bytes:
    """The same calendar as a file, for programs that open one."""
    return _base64(
        data,
        'Content-Disposition: attachment; filename="invite.ics"',
        'Content-Type: application/ics; name="invite.ics"',
    )


def _base64(data: bytes, *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in ("Content-Transfer-Encoding: base64", *fields))
    return head.encode() + b"\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")


def quoted_printable(said: str) -> bytes:
    """``said`` in UTF-8 on lines of at most 76 octets (RFC 2045, section 6.7); no escape is cut in two."""
    return "".join(f"{line}\r\n" for whole in said.removesuffix("\n").split("\n") for line in _folded(whole)).encode()


def _folded(line: str) -> Iterable[str]:
    rest = "".join(map(_quoted, line.encode("utf-8")))
    if rest.endswith((" ", "\t")):
        # What ends in white space may lose it on the way.
        rest = f"{rest[:-1]}={ord(rest[-1]):02X}"
    while len(rest) > LINE:
        end = LINE - 1
        if "=" in rest[end - 2 : end]:
            end = rest.rindex("=", 0, end)
        yield f"{rest[:end]}="
        rest = rest[end:]
    yield rest


def _quoted(octet: int) -> str:
    return chr(octet) if octet == 0x09 or (0x20 <= octet <= 0x7E and octet != 0x3D) else f"={octet:02X}"


def held(part: Message) -> bytes:
    """What a part that is no multipart holds, decoded."""
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def parts(mail: bytes, kinds: tuple[str, ...]) -> tuple[Message, ...]:
    """The parts of ``mail``, itself the first, as a reader that is not ours finds them.

    Only for their kinds and for what they hold: that reader's header fields depend on its version. Raises
    :class:`RenderError` unless they are of these ``kinds``, in this order, and none is broken.
    """
    found = tuple(message_from_bytes(mail, policy=compat32).walk())
    if tuple(part.get_content_type() for part in found) != kinds or any(part.defects for part in found):
        raise RenderError("the mail has other parts than were meant")
    return found


def method(part: Message) -> str | None:
    """The METHOD that a part of kind text/calendar claims to be."""
    found = part.get_param("method")
    return found if isinstance(found, str) else None
