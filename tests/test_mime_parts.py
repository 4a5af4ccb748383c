"""The parts of a mail, as readers that are not ours find them."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.mail import mime_parts
from convoke.model import RenderError

TEXT = st.text(st.sampled_from("=?_. \tFrom\n") | st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


@given(TEXT)
@settings(max_examples=300, deadline=None)
def test_text_survives_on_short_lines_of_ascii(said: str) -> None:
    written = mime_parts.quoted_printable(f"{said}\n")
    assert written.isascii()
    assert written.endswith(b"\r\n")
    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in lines)
    assert quopri.decodestring(written).replace(b"\r\n", b"\n").decode() == f"{said}\n"


def test_parts_that_are_broken_or_other_than_was_meant_are_found() -> None:
    text = mime_parts.text("plain", "Hello\n")
    whole = mime_parts.multipart("alternative", "b", (text, mime_parts.text("html", "<p>\n")))
    kinds = ("multipart/alternative", "text/plain", "text/html")
    assert [mime_parts.decoded_body(part) for part in mime_parts.parts(whole, kinds)[1:]] == [b"Hello\r\n", b"<p>\r\n"]
    for broken in (whole.replace(b"--b--", b""), whole.replace(b"html", b"plain"), whole.replace(b"--b\r\n", b"", 1)):
        with pytest.raises(RenderError, match="other parts"):
            mime_parts.parts(broken, kinds)
