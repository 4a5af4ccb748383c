"""SES, one attempt: what is sent once, and what each answer and each silence means."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import botocore.session
import pytest
from botocore.exceptions import ClientError

from convoke.aws import runtime, ses
from convoke.decision.calendar_state import RenderedMail
from convoke.decision.invitation import Intent
from convoke.effects import Accepted, Refusal, Refused, Send, Unknown
from convoke.settings import Times
from tests.factories import EVENT_ID, REGISTRATION_ID, told
from tests.tables import SETTINGS

QUICK = Times(connect=timedelta(seconds=1), read=timedelta(seconds=0.5))
LETTER = Send(
    account="acme",
    rendered=RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"From: a@example.org\r\n\r\nhello"),
    intent=Intent(calendar_state=told(), attempt="5f0c"),
    event_id=EVENT_ID,
    registration_id=REGISTRATION_ID,
    links=0,
)
Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Stub:
    """A server that counts what is posted to it, and behaves badly in one way."""

    def __init__(self, behave: Behaviour) -> None:
        stub = self
        self.posts: list[bytes] = []
        self.end = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
                behave(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Stub:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def answers(status: int, body: str, code: str = "") -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if code:
            handler.send_header("x-amzn-errortype", code)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return behave


def resets(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RD)
    handler.close_connection = True
    handler.rfile.close()
    handler.connection.close()


def never_answers(handler: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(1.5)
    handler.close_connection = True


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def send_to(url: str, monkeypatch: pytest.MonkeyPatch) -> Accepted | Refused | Unknown:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url)
    return ses.send(ses.client(QUICK), SETTINGS, LETTER, LETTER.rendered.mail)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("behave", "meaning"),
    [
        pytest.param(answers(200, '{"MessageId": "m-1"}'), Accepted(ses_id="m-1"), id="yes"),
        pytest.param(never_answers, Unknown(why="ReadTimeoutError"), id="timeout"),
        pytest.param(resets, Unknown(why="ConnectionClosedError"), id="reset"),
        pytest.param(answers(500, "{}", "InternalServiceErrorException"), Unknown, id="500"),
        pytest.param(answers(503, "{}", "ServiceUnavailable"), Unknown, id="503"),
        pytest.param(
            answers(429, '{"message": "Maximum sending rate exceeded."}', "TooManyRequestsException"),
            Refused(refusal=Refusal.BUSY, why="TooManyRequestsException"),
            id="429",
        ),
    ],
)
def test_a_mail_is_posted_once_whatever_the_answer(
    behave: Behaviour, meaning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stub(behave) as stub:
        answer = send_to(stub.url, monkeypatch)

        assert len(stub.posts) == 1
    assert answer == meaning or (isinstance(meaning, type) and isinstance(answer, meaning))


def test_where_nobody_listens_nothing_can_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = send_to(f"http://127.0.0.1:{unused.getsockname()[1]}", monkeypatch)

    assert answer == Refused(refusal=Refusal.BUSY, why="EndpointConnectionError")


MEANINGS = [
    ("TooManyRequestsException", "Maximum sending rate exceeded.", 429, Refusal.BUSY),
    ("TooManyRequestsException", "Daily message quota exceeded.", 429, Refusal.QUOTA),
    ("ThrottlingException", "Rate exceeded", 400, Refusal.BUSY),
    ("LimitExceededException", "", 400, Refusal.QUOTA),
    ("AccountSuspendedException", "", 400, Refusal.PAUSED),
    ("SendingPausedException", "", 400, Refusal.PAUSED),
    ("ConfigurationSetSendingPausedException", "", 400, Refusal.PAUSED),
    ("MessageRejected", "Sending paused for this account. Please check the inbox.", 400, Refusal.PAUSED),
    ("MessageRejected", "Bad content", 400, Refusal.POISON),
    ("MessageRejected", "Email address is not verified: bo@example.net", 400, Refusal.BUSY),
    ("MailFromDomainNotVerifiedException", "", 400, Refusal.BUSY),
    ("NotFoundException", "Configuration set does not exist", 404, Refusal.BUSY),
    ("AccessDeniedException", "not authorized", 403, Refusal.BUSY),
    ("ExpiredTokenException", "", 403, Refusal.BUSY),
    ("BadRequestException", "", 400, Refusal.POISON),
    ("InternalServiceErrorException", "", 500, None),
]
"""SES's errors: the code, its words, the status, and what follows (``None``: nobody knows)."""


@pytest.mark.parametrize(("code", "words", "status", "meaning"), MEANINGS)
def test_each_error_of_ses_has_one_meaning(code: str, words: str, status: int, meaning: Refusal | None) -> None:
    error = ClientError(
        {"Error": {"Code": code, "Message": words}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "SendEmail",
    )
    expected = Unknown(why=code) if meaning is None else Refused(refusal=meaning, why=code)

    assert ses.verdict(error) == expected


def test_every_error_that_ses_may_answer_a_mail_with_has_a_meaning() -> None:
    """As botocore's own model of SES names them: a version that knows more is noticed."""
    mailing = botocore.session.get_session().get_service_model("sesv2").operation_model("SendEmail")

    assert {error.name for error in mailing.error_shapes} <= {code for code, *_ in MEANINGS} & set(ses.KNOWN_CODES)


def test_a_refusal_is_logged_with_its_code_and_counted_by_it_under_a_fixed_number_of_names() -> None:
    logged = io.StringIO()
    with (
        patch.object(runtime.logger.registered_handler, "stream", logged),
        patch.object(runtime.metrics, "add_metric") as counted,
    ):
        for code in ("MessageRejected", "SomethingNew-bo@example.net"):
            runtime.log_and_count("mail refused", {"registration": REGISTRATION_ID, "code": code})

    assert [json.loads(line)["code"] for line in logged.getvalue().splitlines()] == [
        "MessageRejected",
        "SomethingNew-bo@example.net",
    ]
    names = [call.kwargs["name"] for call in counted.call_args_list]
    assert names == ["MailRefused", "Refused.MessageRejected", "MailRefused", "Refused.other"]


def test_an_address_in_an_error_of_ses_is_not_kept() -> None:
    error = ClientError({"Error": {"Code": "MessageRejected", "Message": "bo@example.net is bad"}}, "SendEmail")

    assert "bo@" not in str(ses.verdict(error))


def test_what_is_posted_names_one_recipient_and_what_it_is() -> None:
    class Client:
        def send_email(self, **request: Any) -> dict[str, str]:
            self.request = request
            return {"MessageId": "m-1"}

    client = Client()
    ses.send(client, replace(SETTINGS, configuration_set="sending"), LETTER, LETTER.rendered.mail)

    assert client.request["Destination"] == {"ToAddresses": [told().recipient]}
    assert client.request["FromEmailAddress"] == told().organizer
    assert client.request["Content"]["Raw"]["Data"] == LETTER.rendered.mail
    assert {tag["Name"]: tag["Value"] for tag in client.request["EmailTags"]} == {
        "event": EVENT_ID,
        "registration": REGISTRATION_ID,
        "sequence": "0",
        "generation": "1",
        "method": "REQUEST",
        "attempt": "5f0c",
    }


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    for thread in threading.enumerate()[before:]:
        thread.join(timeout=3)
