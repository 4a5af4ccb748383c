"""Batches of which some records fail: the failure is told, and the others are handled."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.exceptions import ClientError

from convoke.aws.records import RecordProcessor
from convoke.aws.runtime import Aws, logger, metrics
from convoke.effects import All, Clock, Steps
from convoke.store import dynamo
from tests import policies
from tests.deployment import Context, sample
from tests.tables import SETTINGS


class Unfinished(Exception):
    pass


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The exceptions in the log."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Convoke")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "this-stack")
    found: list[str] = []

    def error(what: str, *, error: str, raised: str) -> None:
        assert "raise error" in raised, "where it was raised"
        found.append(f"{what}: {error}")

    monkeypatch.setattr(logger, "error", error)
    return found


def handled(processor: RecordProcessor, *failing: Exception | None) -> Any:
    """The answer for a batch of as many records, of which each raises what is given."""
    raised = dict(enumerate(failing))

    def handle(record: Any) -> None:
        error = raised[int(record.dynamodb.sequence_number)]
        if error is not None:
            raise error

    record = sample("notify-event")["Records"][0]
    batch = [record | {"dynamodb": record["dynamodb"] | {"SequenceNumber": str(number)}} for number in raised]
    context: Any = Context()
    return process_partial_response(
        event={"Records": batch}, record_handler=handle, processor=processor, context=context
    )


def counted(printed: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in printed.splitlines()]
    return [
        (line["service"], metric["Name"])
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    ]


def test_a_record_that_fails_among_others_is_logged_and_counted(
    logged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = handled(RecordProcessor(EventType.DynamoDBStreams), None, ValueError("odd"), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert logged == ["record failed: ValueError"]
    assert counted(capsys.readouterr().out) == [("this-stack", "RecordFailed")]


def test_a_batch_that_goes_well_says_nothing(logged: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert handled(RecordProcessor(EventType.DynamoDBStreams), None, None) == {"batchItemFailures": []}
    assert (logged, capsys.readouterr().out) == ([], "")


def test_a_batch_of_which_all_fail_is_an_error_of_the_function_too(logged: list[str]) -> None:
    with pytest.raises(BatchProcessingError):
        handled(RecordProcessor(EventType.DynamoDBStreams), ValueError("odd"), KeyError("even"))
    assert logged == ["record failed: ValueError", "record failed: KeyError"]


def test_of_a_record_that_fails_nothing_is_logged_that_may_be_somebody_s_name_or_address(logged: list[str]) -> None:
    answer: Any = {"Error": {"Code": "ThrottlingException", "Message": "bo@example.net"}}
    with pytest.raises(BatchProcessingError) as failed:
        handled(
            RecordProcessor(EventType.DynamoDBStreams), ValueError("bo@" + "example.net"), ClientError(answer, "Query")
        )
    assert logged == ["record failed: ValueError", "record failed: ClientError: ThrottlingException"]
    assert "bo@example.net" not in str(failed.value)


def test_what_is_not_finished_yet_is_no_failure(logged: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    processor = RecordProcessor(EventType.DynamoDBStreams, unfinished=Unfinished)
    assert handled(processor, Unfinished()) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert (logged, capsys.readouterr().out) == ([], "")
    handled(processor, ValueError("odd"), Unfinished())
    assert logged == ["record failed: ValueError"]


def test_every_function_that_handles_records_tells_of_each_that_fails() -> None:
    made = policies.transformed()["Resources"].values()
    mappings = [part["Properties"] for part in made if part["Type"] == "AWS::Lambda::EventSourceMapping"]
    named = {mapping["FunctionName"]["Ref"] for mapping in mappings}
    assert named == {"Notify", "Deliver", "Hooks", "Imports", "Feedback", "Sources"}
    assert all(import_module(name.lower()).RecordProcessor is RecordProcessor for name in named)


def test_one_of_several_that_fails_is_told_without_names_and_the_others_are_done(
    logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(metrics, "add_metric", lambda name, **_: told.append(name))

    def steps(error: Exception | None) -> Steps[str]:
        yield Clock()
        if error is not None:
            raise error
        return "done"

    failing = (ValueError("bo@example.net"), None, dynamo.Contention("busy"))

    def several() -> Steps[Any]:
        return (yield All(steps=tuple(map(steps, failing)), at_once=2))

    answers = Aws(SETTINGS).run(several())
    assert [str(answer) for answer in answers] == ["bo@example.net", "done", "busy"]
    assert (logged, told) == (["record failed: ValueError", "record failed: Contention"], ["RecordFailed"])
