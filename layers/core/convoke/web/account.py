"""The routes of an account's own settings: what it has decided for its events and their pages."""

from __future__ import annotations

from dataclasses import replace

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from ..model import AccountSettings
from ..store.account_settings import DEFAULT, logo_of
from ..store.writes import rounds
from . import context, presenters
from .requests import AccountPatch, Version
from .responses import AccountOut, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get("/account", summary="Read the account's settings", responses=documented(200))
def read_account() -> Response[AccountOut]:
    account = context.caller()
    return shown(account, context.store().account_settings.read(account))


@router.patch("/account", summary="Change the account's settings (JSON merge patch)", responses=documented(200))
def change_account(patch: AccountPatch, version: Version = None) -> Response[AccountOut]:
    account, settings = context.caller(), context.store().account_settings
    image = None if patch.logo is None else logo_of(account, patch.logo.content, patch.logo.type)
    for _ in rounds():
        before = settings.read(account)
        context.require_version("the account has", before.version, version)
        # null resets a field to its default.
        given = {name: getattr(patch, name) for name in patch.model_fields_set - {"logo"}}
        given = {name: getattr(DEFAULT, name) if value is None else value for name, value in given.items()}
        if "logo" in patch.model_fields_set:
            given["logo"] = "" if image is None else image.name
        after = replace(before, **given)
        if after == before:
            return shown(account, before)
        if settings.change(account, before, after, image):
            return shown(account, settings.of(account))
    raise AssertionError  # rounds() ends with Contention


def shown(account: str, decided: AccountSettings) -> Response[AccountOut]:
    presented = presenters.account(account, decided, context.urls())
    return context.answer(200, presented, {"ETag": f'"{decided.version}"'})
