"""The index of an event's people by name: who has a word that begins like this, and the order of names.

A registration has an attribute for its name, and one for each further word by which it is to be found: of the name, and
of what stands before the @ of the address. Each attribute has a global secondary index by event, which costs a third of
what items of their own in the registration's transaction would. The values hold all there is, so that an index can be
filtered without reading a registration. Whoever is cancelled is still found, whoever is erased is not.

An index may lag by moments.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..model import InvalidField, Registration, RegistrationStatus, folded, frozen
from . import dynamo
from .repository import NO_CURSOR, Repository

FIRST = "name_key"
ATTRIBUTES = (FIRST, "word_1", "word_2", "word_3", "word_4")
"""The attributes, each the range key of the index ``by_<attribute>``: of the whole name, and of further words."""
NAME_WORDS = 6
ADDRESS_WORDS = 4
"""So many words of a name, and of an address, are looked at."""
SEARCHED_WORDS = 4
"""So many words of a search count: as many of a name have an entry, however many of the address do."""
LONGEST_WORD = 48
"""So many bytes of a word count."""
LONGEST_ADDRESS = 254
SEPARATOR = "\t"
"""Between the parts of a value: neither words nor addresses have it, and it sorts before all that they have."""
LAST = "\U0010ffff"
"""Sorts after every word."""
MOST_LOOKED_AT = 5000
"""How many entries one walk looks at, some 600 KB."""

APOSTROPHES = frozenset("'’‘ʼ`")
PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that are looked for by others, and that Unicode does not take apart."""
AROUND_AN_ADDRESS = "<>()[],;:\"'"
"""What may stand around an address that was copied from somewhere."""


# --- words --------------------------------------------------------------------------------------------------------


def words(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: without case, and without accents and points, of which other scripts
    keep all that makes another letter. Punctuation and signs are between words, but for apostrophes, which are nothing.
    """
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return tuple(_clipped(word, LONGEST_WORD) for word in "".join(map(_kept, apart)).translate(PLAIN).split())


def _kept(each: str) -> str:
    kind, mark = unicodedata.category(each), unicodedata.combining(each)
    if each in APOSTROPHES or kind == "Cf" or mark >= 200 or 10 <= mark <= 36:
        return ""  # classes of Unicode: 10 to 36 are points of Hebrew, Arabic and Syriac, from 200 on accents
    return " " if kind[0] in "PZC" or kind in ("Sm", "Sc") else each


def _clipped(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


# --- entries ------------------------------------------------------------------------------------------------------


@frozen
class Entry:
    """An entry of an index: of a whole name, where ``word`` is empty, or of a further word. ``name`` are the words of
    the name, with a space between them.
    """

    word: str
    name: str
    address: str
    registration_id: str

    @property
    def value(self) -> str:
        """What it is sorted by."""
        parts = (self.name, self.address, self.registration_id)
        return SEPARATOR.join((self.word, *parts) if self.word else parts)

    @property
    def further(self) -> tuple[str, ...]:
        """The words that have an entry beside that of the whole name: none is the beginning of another, or of the
        name. Those of the name come first, and leave room for one of the address.
        """
        of_address = words(self.address.rpartition("@")[0])[:ADDRESS_WORDS]
        every = tuple(dict.fromkeys((*self.name.split(), *of_address)))
        covered = {one for one in every if any(other != one and other.startswith(one) for other in every)}
        needed = tuple(one for one in every if one not in covered and not self.name.startswith(one))
        room = len(ATTRIBUTES) - 1
        of_name = tuple(one for one in needed if one in self.name.split())
        others = needed[len(of_name) :]
        # Where there are too many, short ones are left out ("de la"): the surname may be the last.
        kept = sorted(of_name, key=len, reverse=True)[: room - bool(others)]
        return (*(one for one in of_name if one in kept), *others)[:room]

    @property
    def words(self) -> tuple[str, ...]:
        """By the beginning of any of which the person is found."""
        return (*self.name.split()[:1], *self.further)


def attributes(person: Registration) -> dict[str, str]:
    """The attributes by which a registration is found."""
    if person.status is RegistrationStatus.ERASED:
        return {}
    whole = Entry(
        word="",
        name=" ".join(words(person.name)[:NAME_WORDS]),
        address=_clipped(folded(person.email), LONGEST_ADDRESS),
        registration_id=person.registration_id,
    )
    entries = (whole, *(replace(whole, word=word) for word in whole.further))
    return {name: entry.value for name, entry in zip(ATTRIBUTES, entries, strict=False)}


def read_entry(attribute: str, value: str) -> Entry:
    word, *parts = ("", *value.split(SEPARATOR)) if attribute == FIRST else value.split(SEPARATOR)
    name, address, registration_id = parts
    return Entry(word=word, name=name, address=address, registration_id=registration_id)


# --- searching ----------------------------------------------------------------------------------------------------


@frozen
class Search:
    """What is looked for: people who have, for each of ``words``, a word that begins like it; and an address that
    begins like each of ``addresses``, or its domain like one that begins with @.
    """

    words: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The word that the fewest people may have: the longest; empty where there is none."""
        of_addresses = (word for one in self.addresses for word in words(one.rpartition("@")[0])[:1])
        return max((*self.words, *of_addresses), key=len, default="")

    @property
    def filters(self) -> bool:
        """Whether not everybody who has :attr:`word` is found."""
        return bool(self.addresses) or len(self.words) > 1

    def finds(self, entry: Entry) -> bool:
        domain, every = f"@{entry.address.rpartition('@')[2]}", entry.words
        return all(any(own.startswith(word) for own in every) for word in self.words) and all(
            (domain if one.startswith("@") else entry.address).startswith((one, folded(one))) for one in self.addresses
        )


EVERYBODY = Search()


def read_search(text: str) -> Search:
    """What somebody typed. Raises :class:`InvalidField` where there is nothing to look for in it."""
    tokens = text.split()
    typed = (word for token in tokens if "@" not in token for word in words(token))
    addresses = (token.casefold().strip(AROUND_AN_ADDRESS) for token in tokens if "@" in token)
    found = Search(
        words=tuple(dict.fromkeys(typed))[:SEARCHED_WORDS],
        addresses=tuple(dict.fromkeys(_clipped(one, LONGEST_ADDRESS) for one in addresses)),
    )
    if found == EVERYBODY:
        raise InvalidField("search", "has no letter and no number to search for")
    return found


class Names(Repository):
    def walk(self, event_id: str, search: Search, after: str = "", *, at_a_time: int = 1000) -> Walk:
        """The people of the event whom ``search`` finds, from the position ``after`` on; ``at_a_time`` entries are read
        at once. Raises :class:`InvalidField` (``cursor``) for a position that the search has not.
        """
        return Walk(self.client, self._people, event_id, search, after, at_a_time)


POSITION = rf"(?:{'|'.join(ATTRIBUTES)}) .+"
"""The regular expression of a position: an attribute, and its value."""


class Walk:
    """Iterates once over positions with their :class:`Entry`, each person once: first those whose name begins with the
    word that is looked for, in the order of names, then those who have it as a further word. It ends after
    :data:`MOST_LOOKED_AT` entries; ``position`` is the last that was looked at, ``ended`` whether it was the last there
    is.
    """

    def __init__(self, client: Any, table: str, event_id: str, search: Search, after: str, at_a_time: int) -> None:
        self.position, self.ended = after, False
        self._client, self._table, self._event_id = client, table, event_id
        self._search, self._word, self._at_a_time = search, search.word, at_a_time
        self._attributes: tuple[str, ...] = ATTRIBUTES if self._word else (FIRST,)
        attribute, _, value = after.partition(" ")
        if after:
            if attribute not in self._attributes or not self._word <= value < self._word + LAST:
                raise InvalidField("cursor", NO_CURSOR)  # DynamoDB refuses a range that ends before it begins
            self._attributes = self._attributes[self._attributes.index(attribute) :]
        self._after = value

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        left = MOST_LOOKED_AT
        for attribute in self._attributes:
            for value in self._values(attribute):
                if left == 0:
                    return
                left, self.position = left - 1, f"{attribute} {value}"
                entry = read_entry(attribute, value)
                if self._is_its_first(entry) and self._search.finds(entry):
                    yield self.position, entry
        self.ended = True

    def _values(self, attribute: str) -> Iterator[str]:
        # A value ends with an id, and nothing sorts between it and itself with a space.
        first, self._after = f"{self._after} " if self._after else self._word or SEPARATOR, ""
        span, whose = (attribute, first, self._word + LAST), ("event_id", self._event_id)
        query = dynamo.of_index(self._table, f"by_{attribute}", whose, span, Limit=self._at_a_time)
        return (row[attribute] for row in dynamo.pages(self._client.query, **query))

    def _is_its_first(self, entry: Entry) -> bool:
        """Whether this is the first entry of the person that the walk comes to: several words may begin alike."""
        if not entry.word:
            return True
        if entry.name.startswith(self._word):
            return False
        return entry.word == next(one for one in entry.further if one.startswith(self._word))
