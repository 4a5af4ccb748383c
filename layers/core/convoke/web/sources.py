"""The route that lists which rows of an account's own tables cannot be followed."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import Field

from ..store.sources import RowKind, RowProblem
from . import context
from .problems import Problem
from .requests import Cursor, Limit
from .responses import Out, Page, Text, documented

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class RowProblemOut(Out):
    """What is wrong with one row. Nothing else of the row is shown."""

    problem_id: str
    rows: Annotated[RowKind, Field(description="Which of the two tables it is of.")]
    key: Annotated[
        dict[str, dict[str, str]], Field(description="The row's primary key, as DynamoDB has it; bytes in Base64.")
    ]
    field: Annotated[str, Field(description="The field of this API that is wrong; empty: the whole row.")]
    reason: str
    since: Text


class RowProblemPage(Page[RowProblemOut]): ...


@router.get("/sources/<source>/problems", summary="List rows that cannot be followed", responses=documented(200))
def list_problems(source: str, limit: Limit = 50, cursor: Cursor = None) -> Response[RowProblemPage]:
    account, store = context.caller(), context.store()
    if not NAME.fullmatch(source) or not store.sources.exists(account, source):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such source")
    page = store.sources.list_problems(account, source, limit=limit, cursor=cursor)
    return context.answer(200, RowProblemPage(items=[_shown(one) for one in page.items], next=page.next))


def _shown(problem: RowProblem) -> RowProblemOut:
    return RowProblemOut.from_stored(problem, problem_id=problem.digest, rows=problem.kind, key=json.loads(problem.key))
