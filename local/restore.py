"""`make restore`: sets tables of the stack back to a moment of the last 35 days.

Point-in-time recovery only ever makes a new table, which has no stream, no time to live and no recovery of its own, and
which CloudFormation could take into the stack only in place of a resource that was removed from it. So the new table is
copied into the one that the stack has, which keeps all of these, its name, and its own backups: an item that differs is
written, one that the backup has not is deleted. What is interrupted can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from convoke.delivery.readiness import TABLES
from convoke.model import ConvokeError, frozen
from convoke.settings import Settings
from convoke.store import dynamo, keys

from .command import Ask, Refused, store_of

Item = dict[str, Any]
ItemKey = tuple[str, str]
BATCH = 25
"""The writes that one BatchWriteItem takes."""
KEPT = {(key["pk"], key["sk"]) for key in (keys.sending(), keys.link_keys())}
"""Never set back: whether all mail is stopped, which it has to stay; and the keys of links, since one that was dropped
must not come back, and one made since has signed links.
"""

OPEN = ("Authorize", "Ready")
"""The functions that may run while tables are set back: they write no item that matters then."""
RUNNING = 60
"""Seconds after which whatever ran when the functions were closed has ended (Audit apart, which sends nothing)."""
PROGRESS = 1000
"""Writes between two lines of progress."""


class CannotRestore(ConvokeError):
    """The table cannot be set back; the text says what to correct."""


@frozen
class Differences:
    """What has to be done to a table, by the keys of items."""

    table: str
    backup: str
    written: frozenset[ItemKey]
    deleted: frozenset[ItemKey]


def set_back(settings: Settings, said: Mapping[str, str], ask: Ask, stack: str) -> str:
    """Set tables back to AT: registrations and invitations, or those that TABLES names. Mail has to be stopped."""
    names = re.findall(r"[^,\s]+", said.get("TABLES") or "registrations,invitations")
    if not said.get("AT") or not set(names) <= set(TABLES):
        return Refused(f"Usage: make restore AT=2030-12-31T12:00:00Z (TABLES=: some of {', '.join(TABLES)})")
    now, client, functions = datetime.now(UTC), dynamo.client(), boto3.client("lambda")
    at = moment(said["AT"], now)
    if not store_of(settings).reads.sending().stopped(now):
        return Refused(
            "Mail is not stopped: run make stop first, so that nothing is sent of what is about to be set back."
        )
    tables = [getattr(settings, f"{name}_table") for name in names]
    backups = [restored(client, table, at, print, wait) for table in tables]
    with closed(functions, functions_of(stack, OPEN)):
        print(f"The stack's functions are closed until this ends; waiting {RUNNING} s for those that run.")
        wait(RUNNING)
        found = [compare(client, *pair) for pair in zip(tables, backups, strict=True)]
        for one in found:
            print(f"  {one.table}: {len(one.written)} items to be written, {len(one.deleted)} to be deleted")
        if ask(f"Set these tables back to {at:%Y-%m-%d %H:%M:%S} UTC? Type yes: ") != "yes":
            return "Nothing was done."
        for one in found:
            for done in copy(client, one, wait):
                if done // PROGRESS > (done - BATCH) // PROGRESS:
                    print(f"  {one.table}: {done} of {len(one.written) + len(one.deleted)}")
    return f"Done. Now make raise-sequences, then make start; in the end delete {' and '.join(backups)}."


def functions_of(stack: str, but: Collection[str] = ()) -> list[str]:
    """The names of the stack's functions, without those of the logical ids ``but``."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    return [
        one["PhysicalResourceId"]
        for one in resources
        if one["ResourceType"] == "AWS::Lambda::Function" and one["LogicalResourceId"] not in but
    ]


def moment(text: str, now: datetime) -> datetime:
    """AT: an instant such as 2030-12-31T12:00:00Z. Raises :class:`CannotRestore`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise CannotRestore("AT must be an instant with its offset, such as 2030-12-31T12:00:00Z.")
    if at >= now:
        raise CannotRestore("AT must be in the past.")
    return at.astimezone(UTC).replace(microsecond=0)


def restored(client: Any, table: str, at: datetime, say: Callable[[str], None], sleep: Callable[[float], None]) -> str:
    """The name of the new table with what ``table`` had at ``at``, once it is there. One of an earlier run is used."""
    backup = f"{table}-{at:%Y%m%dT%H%M%S}"
    try:
        client.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=backup, RestoreDateTime=at)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TableAlreadyExistsException":
            raise
    while client.describe_table(TableName=backup)["Table"]["TableStatus"] != "ACTIVE":
        say(f"  {backup} is being made, which takes from minutes to hours.")
        sleep(30)
    return backup


def compare(client: Any, table: str, backup: str) -> Differences:
    """What differs. Of each item of ``table`` a digest is held in memory, some hundred bytes."""
    present = {key: digest(item) for key, item in items(client, table)}
    written = set()
    for key, item in items(client, backup):
        if present.pop(key, None) != digest(item):
            written.add(key)
    return Differences(
        table=table, backup=backup, written=frozenset(written - KEPT), deleted=frozenset(present.keys() - KEPT)
    )


def copy(client: Any, found: Differences, sleep: Callable[[float], None]) -> Iterator[int]:
    """Make the table what the backup is; yields how many writes are done."""
    done = 0
    for batch in in_batches(_requests(client, found)):
        left, pause = batch, 0.1
        while left:
            answer = client.batch_write_item(RequestItems={found.table: left})
            left = answer.get("UnprocessedItems", {}).get(found.table, [])
            if left:
                sleep(pause)
                pause = min(2 * pause, 10)
        done += len(batch)
        yield done


def _requests(client: Any, found: Differences) -> Iterator[Item]:
    for key, item in items(client, found.backup):
        if key in found.written:
            yield {"PutRequest": {"Item": item}}
    for pk, sk in sorted(found.deleted):
        yield {"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}}


def in_batches(requests: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for request in requests:
        batch.append(request)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def items(client: Any, table: str) -> Iterator[tuple[ItemKey, Item]]:
    """All items of a table as DynamoDB has them, with their keys."""
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            yield (item["pk"]["S"], item["sk"]["S"]), item


def digest(item: Item) -> bytes:
    """The same for the same item, in whatever order attributes and members of sets come."""
    return hashlib.blake2b(json.dumps(_plain(item), sort_keys=True).encode(), digest_size=16).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {
            name: sorted(map(_plain, inner))
            if name in ("SS", "NS", "BS") and isinstance(inner, list)
            else _plain(inner)
            for name, inner in value.items()
        }
    return value


@contextmanager
def closed(functions: Any, names: list[str]) -> Iterator[None]:
    """Meanwhile no instance of these functions runs: what would call them waits, is tried again, or is answered 503.

    Afterwards each has the reserved concurrency that it had; one that an interrupted run left closed has none.
    """
    before = {name: functions.get_function_concurrency(FunctionName=name) for name in names}
    try:
        for name in names:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        yield
    finally:
        for name, was in before.items():
            if reserved := was.get("ReservedConcurrentExecutions"):
                functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
            else:
                functions.delete_function_concurrency(FunctionName=name)


def wait(seconds: float) -> None:
    time.sleep(seconds)
