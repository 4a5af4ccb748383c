"""What each column of a file of people is about: guesses by its heading or its content, and the body of a registration
that a line has then. Pure.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..languages.negotiation import LANGUAGES
from ..model import Question, QuestionKind, frozen
from ..registrations.responses import NO, YES
from .csv_reading import Row

NAME, FIRST, LAST, EMAIL, LANGUAGE, GUESTS = "name", "first", "last", "email", "language", "guests"
EXTERNAL_ID, METADATA, STATUS, IGNORED = "external_id", "metadata", "status", ""
"""What a column may be about, beside the event's questions; ``IGNORED`` is nothing."""
QUESTION = "responses."
"""What a column about a question begins with: ``responses.<question_id>``."""
LOOKED_AT = 50
"""Lines by whose content columns without a heading are guessed."""
UNKNOWN_STATE = "is not known here: write registered or cancelled, or choose that the column is not imported"
LONGEST_WORD = 1000
"""Characters of a heading, or of a word such as yes, that are looked at: a question has fewer."""

_HEADINGS: Mapping[str, str] = {
    NAME: "name fullname yourname participant attendee person member teilnehmer teilnehmerin teilnehmername mitglied"
    " namen vollername vornamename vornamenachname nom nomcomplet nombre nombrecompleto nome nomecompleto nomeecognome"
    " naam volledigenaam imieinazwisko 名前 氏名 お名前 الاسم",
    FIRST: "firstname givenname forename first vorname rufname prenom primernombre voornaam imie 名 nomeproprio",
    LAST: "lastname surname familyname last nachname familienname nomdefamille apellido apellidos cognome sobrenome"
    " apelido achternaam nazwisko 姓",
    EMAIL: "email mail emailaddress mailaddress address eaddress emailadresse mailadresse adressemail adresseemail"
    " courriel adresseelectronique correo correoelectronico direcciondecorreo indirizzoemail enderecodeemail"
    " emailadres adresemail メール メールアドレス البريدالالكتروني emails",
    LANGUAGE: "language lang locale sprache langue idioma lingua taal jezyk 言語 اللغة languageoftheirmails",
    GUESTS: "guests guest numberofguests plus begleitung begleitpersonen gaste gaeste anzahlgaste invites"
    " accompagnants invitados acompanantes ospiti convidados gasten goscie",
    EXTERNAL_ID: "externalid id ownid memberid membernumber mitgliedsnummer mitgliedsnr kundennummer nr no number"
    " nummer numero numerodemembre personalnummer"
    " yourownidoftheperson",
    METADATA: "metadata metadataasexportedfromhere",
    STATUS: "status statusasexportedfromhere"
    " registrationstatus bookingstatus attendeestatus ticketstatus rsvp attending"
    " anmeldestatus buchungsstatus teilnahmestatus zusage statut situacao 状態 ステータス الحالة",
}
# The columns of our own export that say what became of an invitation.
_EXPORTED = frozenset({"participation", "answeredat", "invitation", "registeredat", "registrationid", "otherresponses"})
_YES = frozenset(
    ["yes", "y", "ja", "j", "oui", "o", "si", "sim", "s", "true", "wahr", "1", "x", "tak", "t", "はい", "نعم", "✓", "✔"]
)
_NO = frozenset(["no", "n", "nein", "non", "nao", "nee", "false", "falsch", "0", "-", "nie", "いいえ", "لا"])
_LANGUAGES = {
    **dict.fromkeys(("english", "englisch", "anglais", "ingles", "inglese", "engels", "angielski"), "en"),
    **dict.fromkeys(("german", "deutsch", "allemand", "aleman", "tedesco", "alemao", "duits", "niemiecki"), "de"),
    **dict.fromkeys(("french", "franzosisch", "francais", "frances", "francese", "frans", "francuski"), "fr"),
    **dict.fromkeys(("spanish", "spanisch", "espanol", "espagnol", "spagnolo", "espanhol", "spaans"), "es"),
    **dict.fromkeys(("italian", "italienisch", "italiano", "italien", "italiaans", "wloski"), "it"),
    **dict.fromkeys(("portuguese", "portugiesisch", "portugues", "portugais", "portoghese", "portugees"), "pt"),
    **dict.fromkeys(("dutch", "niederlandisch", "hollandisch", "nederlands", "neerlandais", "olandese"), "nl"),
    **dict.fromkeys(("polish", "polnisch", "polski", "polonais", "polaco", "polacco", "pools"), "pl"),
    **dict.fromkeys(("japanese", "japanisch", "日本語", "japonais", "japones", "giapponese"), "ja"),
    **dict.fromkeys(("arabic", "arabisch", "العربية", "arabe", "arabo"), "ar"),
}
# A cell may have a hundred kilobytes: neither of these looks at any part of it twice.
_ADDRESS = re.compile(r"[^\s@<>,;]@[^\s@<>,;]+\.[^\s@<>,;]")
_NAMED = re.compile(r"(?P<name>[^<>]*)<\s*(?P<email>[^<>\s@]+@[^<>\s]+)\s*>")
# What a column of states says, here and in the exports of other programs. Any other state is asked about: whoever
# withdrew elsewhere must not be invited.
_LEFT = (
    "cancelled declined erased canceled cancel withdrawn withdrew rejected refused refunded deleted removed"
    " unregistered unsubscribed notattending notcoming notgoing noshow"
    " storniert storno abgesagt abgemeldet abgelehnt zurückgezogen zurückgetreten gelöscht erstattet"
    " annulé annulée désinscrit désinscrite refusé refusée remboursé remboursée supprimé supprimée"
    " cancelado cancelada anulado anulada rechazado rechazada reembolsado recusado recusada"
    " annullato annullata cancellato cancellata disdetto rifiutato rifiutata rimborsato"
    " geannuleerd afgemeld afgewezen afgezegd verwijderd anulowany anulowana anulowane odwołane odrzucone"
    " キャンセル キャンセル済み 取消 取り消し 辞退 欠席 不参加 ملغى ملغي ملغاة مرفوض"
)
_COMES = (
    "registered waitlisted pending confirmed accepted approved attending coming going booked paid active ok checkedin"
    " angemeldet registriert bestätigt zugesagt gebucht bezahlt warteliste aktiv"
    " inscrit inscrite enregistré enregistrée confirmé confirmée accepté acceptée payé payée"
    " registrado registrada registado registada inscrito inscrita confirmado confirmada"
    " iscritto iscritta registrato registrata confermato confermata"
    " aangemeld geregistreerd ingeschreven bevestigd zarejestrowany zarejestrowana potwierdzony potwierdzona"
    " 登録済み 申込済み 参加 出席 確定 مسجل مسجلة مؤكد مؤكدة"
)


@frozen
class Guess:
    """Whether the first line is a heading, and what each column is about, :data:`IGNORED` where that is unknown."""

    head: bool
    columns: tuple[str, ...]


def folded_heading(text: str) -> str:
    """A heading without what people write differently: case, accents, spaces and signs."""
    return "".join(each for each in _apart(text.casefold()) if each.isalnum())


def _apart(text: str) -> str:
    """Letters and their accents one by one, of as much as can be a heading or a word: it takes long for long texts."""
    return unicodedata.normalize("NFKD", text[:LONGEST_WORD])


def _folded_state(text: str) -> str:
    """A state as a heading is folded; a sign alone, such as a tick, stays."""
    return folded_heading(text) or text


_LEFT_STATES = frozenset(map(_folded_state, (*_LEFT.split(), *_NO)))
_COMING_STATES = frozenset(map(_folded_state, (*_COMES.split(), *_YES)))
_BY_HEADING = {folded_heading(one): target for target, words in _HEADINGS.items() for one in words.split()}


def guess(rows: Sequence[Row], questions: Sequence[Question]) -> Guess:
    """What the columns of a file are about: by its first line if that is a heading, else by their content."""
    width = max((len(row.cells) for row in rows), default=0)
    first = rows[0].cells if rows else ()
    columns = _by_headings(first, questions)
    named = any(columns) and not any(map(_ADDRESS.search, first))
    if not named:
        columns = _by_content(rows[:LOOKED_AT], width)
    elif EMAIL not in columns:
        found = _column_of_addresses(rows[1:LOOKED_AT], width)
        if found is not None and found < len(columns):
            columns[found] = EMAIL
    return Guess(head=named, columns=(*columns, *(IGNORED for _ in range(width - len(columns)))))


def _by_headings(first: Sequence[str], questions: Sequence[Question]) -> list[str]:
    asked = {folded_heading(question.text): f"{QUESTION}{question.question_id}" for question in questions}
    columns: list[str] = []
    for cell in first:
        heading = folded_heading(cell)
        found = _BY_HEADING.get(heading, IGNORED)
        if not found or found in columns:
            found = asked.get(heading, IGNORED)
        columns.append(IGNORED if found in columns or heading in _EXPORTED else found)
    if FIRST in columns and LAST not in columns and NAME in columns:
        # "Name, Vorname": the name is that of the family.
        columns[columns.index(NAME)] = LAST
    return columns


def _by_content(rows: Sequence[Row], width: int) -> list[str]:
    columns = [IGNORED] * width
    addresses = _column_of_addresses(rows, width)
    if addresses is None:
        return columns
    columns[addresses] = EMAIL
    others = [number for number in range(width) if number != addresses and _is_of_words(rows, number)]
    if len(others) == 1:
        columns[others[0]] = NAME
    elif len(others) > 1:
        columns[others[0]], columns[others[1]] = FIRST, LAST
    return columns


def _column_of_addresses(rows: Sequence[Row], width: int) -> int | None:
    counts = [sum(bool(_ADDRESS.search(_cell(row, number))) for row in rows) for number in range(width)]
    most = max(counts, default=0)
    return counts.index(most) if most else None


def _is_of_words(rows: Sequence[Row], number: int) -> bool:
    filled = [cell for row in rows if (cell := _cell(row, number))]
    words = [
        cell for cell in filled if cell.upper() != cell.lower() and len(cell) > 2 and not any(map(str.isdigit, cell))
    ]
    return bool(filled) and len(words) > len(filled) / 2


def _cell(row: Row, number: int) -> str:
    return row.cells[number] if number < len(row.cells) else ""


# --- the people ---------------------------------------------------------------------------------------------------


@frozen
class Person:
    """What a line says: ``body``, of a registration, as the API has it; ``wrong``, what of it cannot be read, as pairs
    of the field and the message. ``left``: they withdrew, as the column of a status says.
    """

    body: Mapping[str, Any]
    wrong: tuple[tuple[str, str], ...] = ()
    left: bool = False


def person(row: Row, columns: Sequence[str], questions: Sequence[Question]) -> Person:
    """The person of one line; ``columns`` says what each cell is about, and the first of two about the same counts."""
    cells: dict[str, str] = {}
    for number, column in enumerate(columns):
        if column:
            cells.setdefault(column, _cell(row, number))
    state = _folded_state(cells.get(STATUS, ""))
    if state in _LEFT_STATES:
        return Person(body={}, left=True)
    named, email = _address(cells.get(EMAIL, ""))
    joined = " ".join((cells.get(FIRST, ""), cells.get(LAST, "")))
    name = " ".join((cells.get(NAME, "") or joined.strip() or named).split())
    body: dict[str, Any] = {"name": name, "email": email}
    wrong = [(field, "is missing") for field in (NAME, EMAIL) if not body[field]]
    if state and state not in _COMING_STATES:
        wrong.insert(0, (STATUS, UNKNOWN_STATE))
    if language := _language(cells.get(LANGUAGE, "")):
        body["language"] = language
    if own := cells.get(EXTERNAL_ID, ""):
        body[EXTERNAL_ID] = own
    for column, read in ((GUESTS, _guests), (METADATA, _metadata)):
        if cells.get(column):
            value = read(cells[column])
            if value is None:
                wrong.append((column, "must be a number" if column == GUESTS else "must be a JSON object of texts"))
            else:
                body[column] = value
    responses = {
        question.question_id: _response(question, cells[column])
        for question in questions
        if cells.get(column := f"{QUESTION}{question.question_id}")
    }
    if responses:
        body["responses"] = responses
    return Person(body=body, wrong=tuple(wrong))


def _address(cell: str) -> tuple[str, str]:
    """A name, or nothing, and the address of a cell such as ``Ada Lovelace <ada@example.org>``."""
    text = cell.removeprefix("mailto:").strip().rstrip(",;").strip()
    if found := _NAMED.fullmatch(text):
        return found["name"].strip().strip("\"'").strip(), found["email"]
    return "", text.strip("<>")


def _language(cell: str) -> str:
    known = _LANGUAGES.get(folded_heading(cell))
    tag = cell.strip().replace("_", "-")
    return known or (tag.lower() if tag.lower() in LANGUAGES else tag)


def _guests(cell: str) -> int | None:
    found = re.fullmatch(r"\+?\s*([0-9]{1,9})([.,]0+)?", cell, re.ASCII)
    return int(found[1]) if found else None


def _metadata(cell: str) -> dict[str, str] | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(cell)
        if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
            return value
    return None


def _response(question: Question, cell: str) -> str:
    """What was written, as the question takes it: one of its choices whatever its case, yes and no in any language."""
    if question.kind is QuestionKind.CHOICE:
        return next((choice for choice in question.choices if choice.casefold() == cell.casefold()), cell)
    if question.kind is QuestionKind.YES_NO:
        said = "".join(each for each in _apart(cell.casefold()) if not unicodedata.combining(each)).strip(" .!")
        return YES if said in _YES else NO if said in _NO else cell
    return cell
