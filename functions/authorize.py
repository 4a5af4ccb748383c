"""The Lambda authorizer of the HTTP API (payload format 2.0, simple responses): finds the account of an API key.

API Gateway caches each result for a minute for all routes, and itself answers 401 if there is no Authorization header.
So whether the key's scopes allow a route is for the API to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from convoke.settings import settings
from convoke.store import dynamo
from convoke.store.accounts import Accounts

logger = Logger()


NOBODY = {"account": "", "key": "", "key_id": "", "scopes": ""}


@cache
def accounts() -> Accounts:
    """The API keys of this deployment, made once per process."""
    return Accounts(dynamo.client(), settings().accounts_table)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    scheme, _, secret = event.get("headers", {}).get("authorization", "").partition(" ")
    caller = None
    if scheme.lower() == "bearer":
        caller = accounts().caller_of(secret.strip(), datetime.now(UTC))
    if caller is None:
        logger.info("refused")
        # Where it is False, API Gateway answers 403. So the API gets no account, and answers 401.
        return {"isAuthorized": True, "context": NOBODY}
    logger.info("admitted", account=caller.account, key=caller.key, key_id=caller.key_id)
    return {
        "isAuthorized": True,
        "context": {
            "account": caller.account,
            "key": caller.key,
            "key_id": caller.key_id,
            "scopes": " ".join(sorted(caller.scopes)),
        },
    }
