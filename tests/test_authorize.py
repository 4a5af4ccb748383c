"""The authorizer, with requests as API Gateway sends them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import authorize
from convoke.store.accounts import Accounts, Scope
from tests.deployment import sample
from tests.factories import NOW
from tests.lambda_context import lambda_context
from tests.tables import SETTINGS, in_memory

REFUSED = {"isAuthorized": True, "context": {"account": "", "key": "", "key_id": "", "scopes": ""}}
"""Admitted as nobody: the API answers 401, API Gateway would answer 403."""


CONTEXT = lambda_context("authorize")


KNOWN = sample("authorize-known-key")
SECRET = KNOWN["headers"]["authorization"].removeprefix("Bearer ")
KEY_ID = hashlib.sha256(SECRET.encode()).hexdigest()[:12]


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with in_memory() as client:
        Accounts(client, "Accounts").create_key(account="acme", name="ci", now=NOW, secret=SECRET)
        monkeypatch.setattr(authorize, "accounts", lambda: Accounts(client, "Accounts"))
        monkeypatch.setattr(authorize, "settings", lambda: SETTINGS)
        yield client


def with_header(value: str) -> dict[str, Any]:
    return KNOWN | {"headers": KNOWN["headers"] | {"authorization": value}}


def test_a_known_key_is_admitted_with_its_account() -> None:
    context = {"account": "acme", "key": "ci", "key_id": KEY_ID, "scopes": "manage read register"}
    admitted = {"isAuthorized": True, "context": context}
    assert authorize.handler(KNOWN, CONTEXT) == admitted
    assert authorize.handler(with_header(f"bearer  {SECRET} "), CONTEXT) == admitted


def test_an_unknown_key_is_refused() -> None:
    assert authorize.handler(sample("authorize-unknown-key"), CONTEXT) == REFUSED


def test_a_revoked_key_is_refused(client: Any) -> None:
    Accounts(client, "Accounts").revoke_key(account="acme", name="ci", now=NOW)
    assert authorize.handler(KNOWN, CONTEXT) == REFUSED


@pytest.mark.parametrize("header", ["", SECRET, f"Basic {SECRET}", f"Bearer{SECRET}", "Bearer", f"Bearer {SECRET},x"])
def test_what_is_no_bearer_key_is_refused(header: str) -> None:
    assert authorize.handler(with_header(header), CONTEXT) == REFUSED


def test_a_request_without_headers_is_refused() -> None:
    bare = {name: value for name, value in KNOWN.items() if name != "headers"}
    assert authorize.handler(bare, CONTEXT) == REFUSED


def test_a_key_s_scopes_are_handed_on(client: Any) -> None:
    secret = Accounts(client, "Accounts").create_key(account="acme", name="form", now=NOW, scopes=[Scope.REGISTER])
    assert authorize.handler(with_header(f"Bearer {secret}"), CONTEXT)["context"]["scopes"] == "register"


def test_an_expired_key_is_refused(client: Any) -> None:
    made = datetime.now(UTC) - timedelta(days=2)
    until = made + timedelta(days=1)
    secret = Accounts(client, "Accounts").create_key(account="acme", name="old", now=made, valid_until=until)
    assert authorize.handler(with_header(f"Bearer {secret}"), CONTEXT) == REFUSED


def test_no_key_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = io.StringIO()
    monkeypatch.setattr(authorize.logger.registered_handler, "stream", logged)
    authorize.handler(KNOWN, CONTEXT)
    assert "acme" in logged.getvalue()
    assert KEY_ID in logged.getvalue()
    assert SECRET not in logged.getvalue()
