"""On the whole stack: rows of a site's own tables lead to mails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from local import site
from local.place import REGION
from local.story import Refused
from tests.running import Running

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


@pytest.mark.usefixtures("settled")
def test_the_story_of_a_site_s_own_tables(stack: Running) -> None:
    assert stack.description["source"] == {
        "name": "site",
        "events": "site-events",
        "registrations": "site-registrations",
    }
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=stack.description["endpoint"],
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    said: list[str] = []
    mails = site.play(site.Site(resource), Path(stack.description["mail"]), said.append)
    told = {email: [(mail.method, mail.sequence) for mail in mails if mail.to == email] for email in site.PEOPLE}
    assert told == {email: [("REQUEST", 0), ("REQUEST", 1), ("CANCEL", 2)] for email in site.PEOPLE}
    assert "Dan Oz <dan@example.net>" in said[-1]


def test_a_row_with_a_problem_is_listed(stack: Running) -> None:
    resource = stack.client("dynamodb")
    row = {"event_id": {"S": "wrong"}, "name": {"S": "x"}, "starts_at": {"S": "2030-01-01T10:00:00Z"}}
    resource.put_item(TableName="site-events", Item=row | {"tz": {"S": "Berlin"}})

    def problems() -> Any:
        try:
            return stack.call("GET", "/sources/site/problems")["items"]
        except Refused as refused:
            if refused.status == 404:  # there is no source before its first row was looked at
                return None
            raise

    found = stack.eventually(problems)
    assert [(one["key"], one["field"]) for one in found] == [({"event_id": {"S": "wrong"}}, "time_zone")]
