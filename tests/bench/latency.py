"""How long it takes from a request to its mail: the handlers of the API, the stream and the queue, in a process of its
own with real boto3 clients, against the server of :mod:`tests.bench.fanout`.

Each handler is called when the one before has answered, and the time ends when SES does. The stream has its record once
the request's transaction is written: what the API does after that is for its answer, and delays no mail, so it is left
out. What the stream and the queue take is not in it, either.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from . import fanout, worker

TIMES = 20
RATE = 50
PARTY = {
    "title": "Party",
    "start": "2099-03-12T09:00:00",
    "end": "2099-03-12T10:30:00",
    "time_zone": "Europe/Berlin",
    "organizer": {"name": "Ada", "email": "ada@example.org"},
    "notify_after": 0,
}
CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:bench",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 30_000,
)


def measure(times: int = TIMES) -> dict[str, Any]:
    """For a registration and for a change of an event with one person: the median and the range in milliseconds until
    SES has the mail, the calls until then, the median until the API has answered, and all calls. Of calls the least is
    given: a pace's second may be drawn from twice.
    """
    with fanout.serving(0, RATE) as port:
        program = fanout.command("tests.bench.latency", port, times)
        said = subprocess.run(program, cwd=fanout.ROOT, env=fanout.environment(), check=True, stdout=subprocess.PIPE)  # noqa: S603
    found = json.loads(said.stdout.splitlines()[-1])
    return {
        name: {
            "median_ms": round(1000 * statistics.median(each["seconds"])),
            "range_ms": [round(1000 * min(each["seconds"])), round(1000 * max(each["seconds"]))],
            "calls_to_mail": min(each["calls_to_mail"]),
            "answer_ms": round(1000 * statistics.median(each["answered"])),
            "calls": min(each["calls"]),
        }
        for name, each in found.items()
    }


def request(method: str, route: str, body: Any = None, **parameters: str) -> dict[str, Any]:
    """A request as API Gateway sends it, of an account with a key that may do everything."""
    path = "/v1" + route.format(**parameters)
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    key = {"account": "acme", "key": "ci", "key_id": "0123456789ab", "scopes": "manage read register"}
    return {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "pathParameters": parameters,
        "requestContext": {
            "domainName": "api.convoke.example.com",
            "http": http,
            "stage": "v1",
            "requestId": "request",
            "routeKey": f"{method} {route}",
            "authorizer": {"lambda": key},
        },
        "isBase64Encoded": False,
        **({} if body is None else {"body": json.dumps(body)}),
    }


def work(port: int, times: int) -> dict[str, Any]:
    """Register one person for each of so many events, then change each event."""
    worker.settle_in(port)
    api, notify, deliver = (import_module(name) for name in ("api", "notify", "deliver"))
    kinds = ("seconds", "calls_to_mail", "answered", "calls")
    found: dict[str, Any] = {name: {kind: [] for kind in kinds} for name in ("registration", "change")}

    def ask(*asked: Any, **parameters: str) -> dict[str, Any]:
        answer = api.handler(request(*asked, **parameters), CONTEXT)
        if answer["statusCode"] >= 300:
            raise RuntimeError(answer["body"])
        return json.loads(answer["body"])  # type: ignore[no-any-return]

    def ring(sort_key: str, event_id: str) -> None:
        key = {"pk": {"S": f"EVENT#{event_id}"}, "sk": {"S": sort_key}}
        record = {"eventID": "1", "eventName": "MODIFY", "dynamodb": {"Keys": key, "SequenceNumber": "1"}}
        notify.handler({"Records": [record]}, CONTEXT)
        while (hint := fanout.ask(port, "next")["hint"]) is not None:
            deliver.handler({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": hint}]}, CONTEXT)

    for number in range(times + 1):
        event_id = ask("POST", "/events", PARTY)["event_id"]
        for name in ("registration", "change"):
            before, began = fanout.ask(port, "found"), time.monotonic()
            if name == "registration":
                person = {"name": "Bo Ek", "email": f"bo{number}@example.net"}
                made = ask("POST", "/events/{event_id}/registrations", person, event_id=event_id)
                sort_key = f"REGISTRATION#{made['registration_id']}"
            else:
                ask("PATCH", "/events/{event_id}", {"title": "Feast"}, event_id=event_id)
                sort_key = "EVENT"
            answered, between = time.monotonic(), fanout.ask(port, "found")
            rung = time.monotonic()
            ring(sort_key, event_id)
            after = fanout.ask(port, "found")
            if after["accepted"] != before["accepted"] + 1:
                raise RuntimeError(f"one {name} sent {after['accepted'] - before['accepted']} mails")
            if number:  # the first makes the clients
                to_commit = between["committed"] - began
                took = {
                    "seconds": to_commit + after["last"] + fanout.SES_SECONDS - rung,
                    "calls_to_mail": between["calls_to_commit"]
                    - before["calls"]
                    + after["calls_to_mail"]
                    - between["calls"],
                    "answered": answered - began,
                    "calls": after["calls"] - before["calls"],
                }
                for kind in kinds:
                    found[name][kind].append(took[kind])
    return found


def table(one: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {each['median_ms']} | {each['range_ms'][0]} to {each['range_ms'][1]} | {each['calls_to_mail']} |"
        f" {each['answer_ms']} | {each['calls']} |"
        for name, each in one.items()
    ]
    return "\n".join(
        (
            "## From a request to its mail",
            "",
            f"{TIMES} times each, warm, for one person: from the API's handler to SES's answer, with calls that take 5 "
            "ms, and SES 80. The stream has its record once the request is written, so what the API reads after that, "
            "for its answer, is not in it; nor is what the stream and the queue take.",
            "",
            "| request | median ms | range | calls until the mail | median ms of the answer | all calls |",
            "|---|---|---|---|---|---|",
            *rows,
        )
    )


if __name__ == "__main__":
    print(json.dumps(work(int(sys.argv[1]), int(sys.argv[2]))))
