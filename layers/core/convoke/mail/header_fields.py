"""Writes the header fields of mails (RFC 5322), with text in any script (RFC 2047), and parses them again.

Python's ``email`` package is not used for this: it folds some text so that it cannot be parsed back, and differently
from one patch release to the next. What is written here is the same bytes on every version of Python.

ASCII text is not encoded. From the first word on that has other characters, everything is written as encoded words:
each has whole characters and at most 75 octets, on lines of at most 76; the first token is on the line of the field's
name. Text that looks like an encoded word (``=?``) is encoded, too, so that it is displayed as it is.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..model import RenderError

LINE = 76  # octets in a line that has an encoded word, without its CRLF (RFC 2047, section 2)
LONGEST_LINE = 998  # octets in any line (RFC 5322, section 2.1.1)
WORD = 75  # octets in an encoded word (RFC 2047, section 2)

_AROUND = len("=?utf-8?q?" + "?=")
# Octets of an encoded word with one character, for Q and B: with less space left on a line, a new one is begun.
_MIN_WORD = {"q": _AROUND + len("=F0=9F=98=80"), "b": _AROUND + 8}

# Lines that end in a visible character: of a field the first begins with its name and a visible character, the others
# with a space.
_HEADER = re.compile(r"(?:[!-9;-~]+: [!-~](?:[ -~]*[!-~])?\r\n(?: [ -~]*[!-~]\r\n)*)+")
_VISIBLE = re.compile(r"[!-~]+")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_ATOMS = re.compile(rf"{_ATOM.pattern}(?: {_ATOM.pattern})*")
_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\[ -~])*)"')
_ENCODED = re.compile(r"=\?utf-8\?([qb])\?([!->@-~]+)\?=")
# Octets that need no escape in a Q-encoded word in any kind of field (RFC 2047, section 5 (3)).
_LITERAL = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
# What each octet is in Q encoding, and how long that is.
_Q_TEXT = tuple(chr(octet) if octet in _LITERAL else "_" if octet == 0x20 else f"={octet:02X}" for octet in range(256))
_Q_SIZE = tuple(map(len, _Q_TEXT))
_NO_ESCAPE = re.compile(r"=(?![0-9A-F]{2})")


class Field(NamedTuple):
    """One field as it is sent, CRLF included. ``plainer``: its text was simplified or encoded in another way than
    intended.
    """

    name: str
    written: bytes
    plainer: bool = False


# --- fields -------------------------------------------------------------------------------------------------------


def token(name: str, value: str) -> Field:
    """A field whose value is never folded: an id, a date, a keyword. Raises :class:`RenderError` if it does not read
    back, for example if ``value`` is not ASCII.
    """
    return Field(name=name, written=tokens((name, value)))


def tokens(*named: tuple[str, str]) -> bytes:
    """Several fields as :func:`token` writes them, by name and value. Raises :class:`RenderError` as it does."""
    written = "".join([f"{name}: {value}\r\n" for name, value in named]).encode("ascii", "backslashreplace")
    try:
        if fields(written) == named:
            return written
    except ValueError:
        pass
    raise RenderError(f"{' or '.join(name for name, _ in named)} does not read back as it was meant")


def text(name: str, content: str, *, instead: str) -> Field:
    """An unstructured field, such as Subject. ``content`` is its text, on one line.

    If that does not read back, all of it is base64-encoded; then words that do not read back are left out; at last the
    text is ``instead``. Raises :class:`RenderError` if not even that reads back.
    """
    for number, (words, whole) in enumerate(_simpler_texts(name, content, instead)):
        if words and _reads_as(written := _text(name, words, whole=whole), words):
            return Field(name=name, written=written, plainer=number > 0)
    raise RenderError(f"{name} does not read back as it was meant")


def _simpler_texts(name: str, content: str, instead: str) -> Iterator[tuple[str, bool]]:
    """The texts to try, and whether all of each is base64-encoded."""
    yield content, False
    yield content, True
    yield " ".join(word for word in content.split(" ") if _reads_as(_text(name, word, whole=True), word)), True
    yield instead, False


def subject(content: str, *, instead: str) -> Field:
    """The field Subject with the text ``content``, or with ``instead`` if that does not read back.

    ``content`` may have isolates of its own around a title of the other direction (see ``Texts.isolated``). What others
    wrote in it has no control characters.
    """
    return text("Subject", " ".join(content.split()), instead=instead)


def read(field: Field) -> str:
    """The text of an unstructured field, as a mail program shows it."""
    return text_of(_read_back(field.written))


def mailbox(name: str, display_name: str, address: str) -> Field:
    """A field ``name`` with one address, such as To. ``display_name`` is the display name, on one line, or empty.

    If the display name does not read back, all of it is base64-encoded; then it is left out. Raises
    :class:`RenderError` if not even the address reads back: the mail would go to somebody else.
    """
    for number, (words, whole) in enumerate(((display_name, False), (display_name, True), ("", False))):
        try:
            written = _mailbox(name, words, address, whole=whole)
            if mailbox_of(_read_back(written)) == (words, address):
                return Field(name=name, written=written, plainer=number > 0)
        except ValueError:
            continue
    raise RenderError(f"{name} does not read back as the one address that was meant")


def _reads_as(written: bytes, content: str) -> bool:
    """Whether the field ``written`` reads back as the text ``content``."""
    try:
        return text_of(_read_back(written)) == content
    except ValueError:
        return False


def _read_back(written: bytes) -> str:
    [(_, value)] = fields(written)
    return value


# --- writing ------------------------------------------------------------------------------------------------------


def _text(name: str, content: str, *, whole: bool) -> bytes:
    words = content.split(" ")
    plain = 0 if whole else _leading(words, LINE - len(name) - 2)
    return _field(name, words[:plain], " ".join(words[plain:]), kind="b" if whole else None)


def _leading(words: list[str], room: int) -> int:
    """How many of ``words`` precede the first that has to be encoded. ``room``: octets on the first line."""
    for number, word in enumerate(words):
        if not _VISIBLE.fullmatch(word) or "=?" in word or len(word) > room:
            return number
    return len(words)


def _mailbox(name: str, display_name: str, address: str, *, whole: bool) -> bytes:
    if not display_name:
        return _field(name, [address])
    ends = [f"<{address}>"]
    if not whole and "=?" not in display_name and _ATOMS.fullmatch(display_name):
        short = f"{name}: {display_name} <{address}>"
        if len(short) <= LINE:
            return f"{short}\r\n".encode("ascii")
    words, room = display_name.split(" "), LINE - len(name) - 2
    if whole or "=?" in display_name or not all(_VISIBLE.fullmatch(word) for word in words):
        return _field(name, [], display_name, ends, kind="b" if whole else None)
    if all(_ATOM.fullmatch(word) and len(word) <= room for word in words):
        return _field(name, [*words, *ends])
    quoted = '"' + re.sub(r'[\\"]', r"\\\g<0>", display_name) + '"'
    # A quoted string is never folded, since some programs keep the line break.
    return _field(name, [quoted, *ends]) if len(quoted) <= room else _field(name, [], display_name, ends)


def _field(
    name: str, tokens: Iterable[str], encoded: str = "", ends: Iterable[str] = (), kind: str | None = None
) -> bytes:
    """The field: ``tokens`` unchanged, then ``encoded`` as encoded words, then ``ends`` unchanged, separated by spaces.

    ``kind`` is ``q`` or ``b``; by default the shorter.
    """
    lines, used = [f"{name}:"], len(name) + 1
    first = True

    def add(piece: str) -> None:
        nonlocal used, first
        # The first token stays on the line of the name: some programs take a line with a name alone for an empty field.
        if used + 1 + len(piece) <= LINE or first:
            lines[-1] += f" {piece}"
            used += 1 + len(piece)
        else:
            lines.append(f" {piece}")
            used = 1 + len(piece)
        first = False

    for piece in tokens:
        add(piece)
    if encoded:
        kind = kind or _kind(encoded)
        left = encoded
        while left:
            room = LINE - 1 - used if first or LINE - 1 - used >= _MIN_WORD[kind] else LINE - 1
            count = _fits(left, kind, min(room, WORD))
            add(_word(left[:count], kind))
            left = left[count:]
    for piece in ends:
        add(piece)
    return "\r\n".join(lines).encode("ascii", "backslashreplace") + b"\r\n"


def _kind(text: str) -> str:
    """``q`` if that is shorter, as for most text in Latin script; else ``b``."""
    octets = text.encode("utf-8", "replace")
    return "q" if _size(octets, "q") <= _size(octets, "b") else "b"


def _size(octets: bytes, kind: str) -> int:
    """How many octets ``octets`` take in an encoded word of this ``kind``, without what is around them."""
    return sum([_Q_SIZE[octet] for octet in octets]) if kind == "q" else 4 * -(-len(octets) // 3)


def _fits(text: str, kind: str, room: int) -> int:
    """How many characters of ``text`` fit into an encoded word of ``room`` octets: at least one."""
    used = 0  # octets: as they are written for "q", as they are for "b"
    for number, character in enumerate(text):
        octets = character.encode("utf-8", "replace")
        used += _size(octets, "q") if kind == "q" else len(octets)
        if _AROUND + (used if kind == "q" else 4 * -(-used // 3)) > room:
            return max(number, 1)
    return len(text)


def _word(text: str, kind: str) -> str:
    octets = text.encode("utf-8", "replace")
    if kind == "b":
        return f"=?utf-8?b?{base64.b64encode(octets).decode('ascii')}?="
    return f"=?utf-8?q?{''.join([_Q_TEXT[octet] for octet in octets])}?="


# --- reading ------------------------------------------------------------------------------------------------------


def fields(head: bytes) -> tuple[tuple[str, str], ...]:
    """The names and unfolded values of the fields in ``head``. Raises :class:`ValueError` for anything that this module
    does not write: characters beyond ASCII, lines that are too long, a name alone on a line.
    """
    text = head.decode("ascii")
    if not _HEADER.fullmatch(text):
        raise ValueError("not a header")
    for line in text.split("\r\n") if len(text) > LINE else ():
        if len(line) > LINE and (len(line) > LONGEST_LINE or _ENCODED.search(line)):
            raise ValueError("a line of the header is too long")
    unfolded = text[:-2].replace("\r\n ", " ").split("\r\n")
    return tuple([(name, value) for name, _, value in [field.partition(": ") for field in unfolded]])


def text_of(value: str) -> str:
    """The decoded text of an unstructured value.

    Raises :class:`ValueError` for encoded words that this module does not write (it writes UTF-8, whole characters, at
    most 75 octets), and for text that looks nearly like one.
    """
    if "=?" not in value:
        return value
    decoded, after_encoded = "", False
    for number, token in enumerate(value.split(" ")):
        encoded = _ENCODED.fullmatch(token)
        # White space between two encoded words is not part of the text (RFC 2047, section 6.2).
        if number and not (encoded and after_encoded):
            decoded += " "
        if encoded is None and "=?" in token:
            raise ValueError("text that looks nearly like an encoded word")
        decoded += token if encoded is None else _decoded(encoded)
        after_encoded = encoded is not None
    return decoded


def _decoded(found: re.Match[str]) -> str:
    if len(found[0]) > WORD:
        raise ValueError("an encoded word that is too long")
    try:
        if found[1] == "b":
            return base64.b64decode(found[2], validate=True).decode("utf-8")
        if _NO_ESCAPE.search(found[2]):
            raise ValueError("not quoted-printable")
        return binascii.a2b_qp(found[2], header=True).decode("utf-8")
    except binascii.Error as error:
        raise ValueError("not base64") from error


def mailbox_of(value: str) -> tuple[str, str]:
    """The display name and the address of a value with one address. Raises :class:`ValueError` for anything else."""
    if _ADDRESS.fullmatch(value):
        return "", value
    display_name, between, rest = value.rpartition(" <")
    if not between or not rest.endswith(">") or not _ADDRESS.fullmatch(rest[:-1]):
        raise ValueError("not one address")
    if quoted := _QUOTED.fullmatch(display_name):
        return re.sub(r"\\(.)", r"\1", quoted[1]), rest[:-1]
    if not _ATOMS.fullmatch(display_name):
        raise ValueError("not a name")
    return text_of(display_name), rest[:-1]
