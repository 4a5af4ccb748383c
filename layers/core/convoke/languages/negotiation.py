"""Which of the languages that there are texts in somebody asks for (BCP 47; RFC 9110, section 12.5.4)."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

LANGUAGES = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "fr": "Français",
        "es": "Español",
        "it": "Italiano",
        "pt": "Português",
        "nl": "Nederlands",
        "pl": "Polski",
        "ja": "日本語",
        "ar": "العربية",
    }
)
"""The languages that there are texts in, by their tags, each with its own name for itself."""

MAX_TAG = 44
"""Characters of a language tag."""
MAX_HEADER = 500
"""Characters of an Accept-Language field that are read."""
MAX_RANGES = 20
"""Language ranges of an Accept-Language field that are read."""

_REGION = re.compile(r"[A-Za-z]{2}|[0-9]{3}")
_WEIGHT = re.compile(r"[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


@lru_cache(maxsize=256)
def matched(tag: str) -> str:
    """The language among ``LANGUAGES`` that ``tag`` asks for, with its region if it has one: ``DE_ch`` is ``de-CH``,
    ``de-Latn-x-own`` is ``de``. Empty for other languages, and for what is no language tag.
    """
    language, *others = tag.replace("_", "-").split("-") if len(tag) <= MAX_TAG else ("",)
    if (language := language.lower()) not in LANGUAGES:
        return ""
    for subtag in others:
        if len(subtag) == 1:  # extensions and private use follow
            break
        if _REGION.fullmatch(subtag):
            return f"{language}-{subtag.upper()}"
    return language


def accepted(header: str) -> str:
    """The language that an Accept-Language field prefers, as :func:`matched` has it; empty if it names none that is
    known. What cannot be parsed is skipped, and of a long field only the beginning is read.
    """
    preferred, weight = "", 0.0
    for each in header[:MAX_HEADER].split(",")[:MAX_RANGES]:
        tag, *params = (part.strip() for part in each.split(";"))
        found = _WEIGHT.fullmatch(params[0]) if params else None
        if params and found is None:
            continue
        weighs = float(found[1]) if found is not None else 1.0
        if weighs > weight and (language := matched(tag)):
            preferred, weight = language, weighs
    return preferred
