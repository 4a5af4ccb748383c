"""Reads the catalogue of one language, a PO file of GNU gettext."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from ..model import frozen

_CATALOGUES = Path(__file__).with_name("catalogues")


@frozen
class Catalogue:
    """The translations of one language, by their contexts (empty without one) and English texts; of a text with plural
    forms by that of its singular. ``form`` is the number of the plural form for a count.
    """

    texts: Mapping[tuple[str, str], str]
    plurals: Mapping[tuple[str, str], tuple[str, ...]]
    form: Callable[[int], int]


@lru_cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of ``language``, which is among ``LANGUAGES`` and not English. A text without a translation is not
    in it.

    It is read line by line, as `make texts` writes it: Babel's own reader takes some hundred milliseconds for what is
    read when a function starts. Raises :class:`ValueError` for a line that is not written so.
    """
    # Imported here: most processes never write another language than English.
    from gettext import c2py

    texts: dict[tuple[str, str], str] = {}
    plurals: dict[tuple[str, str], tuple[str, ...]] = {}
    head = ""
    for entry in (_CATALOGUES / f"{language}.po").read_text("utf-8").split("\n\n"):
        fields = _fields(entry)
        key = fields.get("msgctxt", ""), fields["msgid"]
        if key == ("", ""):
            head = fields["msgstr"]
        elif "msgid_plural" in fields:
            forms = tuple(text for name, text in fields.items() if name.startswith("msgstr["))
            if all(forms):
                plurals[key] = forms
        elif fields["msgstr"]:
            texts[key] = fields["msgstr"]
    rule = head.partition("plural=")[2].partition(";\n")[0]
    return Catalogue(texts=texts, plurals=plurals, form=c2py(rule))


def _fields(entry: str) -> dict[str, str]:
    """The strings of one entry by their keywords, such as ``msgid`` and ``msgstr[0]``, in their order."""
    fields: dict[str, str] = {}
    keyword = ""
    for line in entry.strip().split("\n"):
        if line.startswith("#"):
            continue
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")
            fields[keyword] = ""
        # PO files have the escapes of C, of which `make texts` only writes those that JSON has, too.
        fields[keyword] += json.loads(line)
    return fields
