"""What `make bench` compares says the same, whoever renders it: the short form of its part about rendering."""

from __future__ import annotations

import importlib.util

import pytest

from convoke.mail import spliced
from tests.bench import render

LIBRARIES = {"vobject": "vobject + EmailMessage", "ics": "ics.py + EmailMessage"}
"""Peers that need what only `make bench` installs."""
ABSENT = {peer for library, peer in LIBRARIES.items() if importlib.util.find_spec(library) is None}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("peer", [peer for peer in render.PEERS if peer not in ABSENT])
def test_each_peer_says_the_same(peer: str) -> None:
    assert render.unequal(peer) == []


def test_a_peer_that_says_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(render.PEERS, "late", lambda message: render.plain(message).replace(b"09:00", b"10:00"))
    assert render.unequal("late", 1)
    monkeypatch.setitem(render.PEERS, "wrong", lambda message: render.plain(message).replace(b"\nTo: ", b"\nTo: X "))
    assert [found.partition(":")[0] for found in render.unequal("wrong", 1)] == ["To"]


def test_the_people_who_are_rendered_for_share_one_template() -> None:
    spliced._seen.clear()
    spliced._templates.clear()
    for message in render.people(20):
        assert render.by_template(message) == render.plain(message)
    assert [template is not None for template in spliced._templates.values()] == [True]
