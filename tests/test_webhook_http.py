"""One POST to a webhook: what arrives, and how long the other side may keep us waiting, whatever it does."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from convoke.webhooks import http, url_guard
from convoke.webhooks.url_guard import Target, target_of

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Behave = Callable[[socket.socket, bytes], None]


def says(answer: bytes) -> Behave:
    return lambda connection, _: connection.sendall(answer)


def request_of(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    )
    while len(body) < length:
        body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


@contextmanager
def a_server(behave: Behave, trust: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """One that treats whoever comes as ``behave`` says; its port, and what it was sent."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    treat(connection)

        def treat(connection: socket.socket) -> None:
            with trust.wrap_socket(connection, server_side=True) if trust else nullcontext(connection) as open_one:
                came.append(request_of(open_one))
                behave(open_one, came[-1])

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1], came
        door.shutdown(socket.SHUT_RDWR)


def local(port: int) -> Target:
    return target_of(f"http://127.0.0.1:{port}/here?a=b", local=True)


def test_what_is_posted_arrives_as_it_is() -> None:
    with a_server(says(OK)) as (port, came):
        answer = http.post(local(port), b'{"a":1}', {"Content-Type": "application/json", "Convoke-Signature": "t=1"})
    assert answer == http.Answer(status=200)
    head, _, body = came[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert head.startswith(b"POST /here?a=b HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}".encode() in head.split(b"\r\n")
    assert b"Convoke-Signature: t=1" in head.split(b"\r\n")


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", http.Answer(status=204)),
        (b"HTTP/1.1 500 Oh\r\n\r\n", http.Answer(status=500, why="it answered 500")),
        (b"HTTP/1.1 404 No\r\n\r\n", http.Answer(status=404, why="it answered 404")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", http.Answer(status=200)),
        (b"", http.Answer(why="it did not answer: RemoteDisconnected")),
        (b"hello\r\n\r\n", http.Answer(why="it did not answer: BadStatusLine")),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500, http.Answer(why="it did not answer: HTTPException")),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, http.Answer(why="it did not answer: LineTooLong")),
    ],
)
def test_a_2xx_is_a_yes_and_everything_else_is_not(raw: bytes, answer: http.Answer) -> None:
    with a_server(says(raw)) as (port, _):
        assert http.post(local(port), b"{}", {}) == answer


def test_a_redirect_is_not_followed() -> None:
    with a_server(says(OK)) as (elsewhere, came):
        moved = f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{elsewhere}/\r\n\r\n".encode()
        with a_server(says(moved)) as (port, _):
            assert http.post(local(port), b"{}", {}) == http.Answer(status=307, why="it answered 307")
        assert came == []


def test_nobody_home_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    assert http.post(local(port), b"{}", {}).why == "it did not answer: ConnectionRefusedError"


def drips(connection: socket.socket, _request: bytes) -> None:
    for _ in range(100):
        connection.sendall(b"H")
        time.sleep(0.1)


def floods(connection: socket.socket, _: bytes) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("behave", [drips, floods, lambda *_: time.sleep(5)], ids=["drips", "floods", "says nothing"])
def test_nobody_can_keep_us_waiting(behave: Behave) -> None:
    with a_server(behave) as (port, _):
        began = time.monotonic()
        answer = http.post(local(port), b"{}", {}, timeout=0.5)
        assert time.monotonic() - began < 2
    assert answer.status == 0
    assert answer.why.startswith("it did not answer")


def test_a_name_that_leads_to_us_is_not_followed() -> None:
    with a_server(says(OK)) as (port, came):
        target = target_of(f"https://hooks.example.org:{port}/")
        led = [(2, 1, 6, "", ("127.0.0.1", port))]
        answer = http.post(target, b"{}", {}, resolve=lambda *_, **__: led)
    assert answer.why == "its host name has an address that is not public"
    assert came == []


def test_a_name_that_resolves_otherwise_a_moment_later_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was looked at, and the name is not asked for again."""
    asked: list[str] = []
    reached: list[tuple[str, int]] = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", port))]

    def connect(address: tuple[str, int], **_: object) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    http.post(target_of("https://hooks.example.org/"), b"{}", {}, resolve=resolve)
    assert asked == ["hooks.example.org"]
    assert reached == [("93.184.215.14", 443)]


def slowly(seconds: float, port: int) -> Callable[..., list[tuple[object, ...]]]:
    """A name server that takes its time."""

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        time.sleep(seconds)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    return resolve


def test_a_name_server_that_does_not_answer_holds_nobody_up() -> None:
    began = time.monotonic()
    answer = http.post(target_of("https://hooks.example.org/"), b"{}", {}, resolve=slowly(25, 443), timeout=0.3)
    assert answer.why == "its host name was not resolved in time"
    assert time.monotonic() - began < 2


def test_looking_a_name_up_is_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_guard, "public", lambda _: True)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        began = time.monotonic()
        target = target_of(f"https://hooks.example.org:{port}/")
        answer = http.post(target, b"{}", {}, resolve=slowly(0.6, port), timeout=0.8)
        assert time.monotonic() - began < 1.2
    assert answer.why.startswith("it did not answer")


def test_a_name_that_does_not_exist_is_said_to_have_no_address() -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror

    answer = http.post(target_of("https://hooks.example.org/"), b"{}", {}, resolve=resolve)
    assert answer.why == "its host name has no address"


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("certified", "why"),
    [("hooks.example.org", ""), ("other.example.org", "its certificate is not valid for its host name")],
)
def test_the_certificate_must_be_good_for_the_name_not_the_address(
    certified: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(url_guard, "public", lambda _: True)
    file = certificate(tmp_path, certified)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    with a_server(says(OK), server) as (port, came):
        answer = http.post(
            target_of(f"https://hooks.example.org:{port}/"),
            b"{}",
            {},
            resolve=lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", port))],
            trust=ssl.create_default_context(cafile=file),
        )
    assert answer.why == why
    assert len(came) == (0 if why else 1)


def test_a_handshake_that_drips_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_guard, "public", lambda _: True)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        began = time.monotonic()
        answer = http.post(
            target_of(f"https://hooks.example.org:{port}/"),
            b"{}",
            {},
            resolve=lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", port))],
            timeout=0.5,
        )
        assert time.monotonic() - began < 2
    assert answer.why.startswith("it did not answer")
