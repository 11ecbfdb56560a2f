"""Probes against real servers that are up, down, slow, broken and lying; each end is an outcome with a reason."""

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass

import pytest

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.asking import ask_all
from sophia_metrics.health.component_probe import ComponentProbe
from sophia_metrics.health.failures import failure_reason
from sophia_metrics.health.http_probe import HttpProbe
from sophia_metrics.health.redis_probe import RedisProbe
from sophia_metrics.health.tcp_probe import TcpProbe
from sophia_metrics.health.watch import Watch
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from tests.misbehaving import drip, free_port, hang, http, pour, raw, reset, serving
from tests.redis_server import RedisServer

SECRET = "hunter2-hunter2"  # noqa: S105 - planted


def ask(probe, deadline=5.0) -> Answer:
    (answer,) = asyncio.run(ask_all([Watch("service", "any", probe, deadline_seconds=deadline)], concurrency=1))
    return answer


def get(behave, deadline=5.0, path="/health", **options) -> Answer:
    with serving(behave) as port:
        return ask(HttpProbe(f"http://127.0.0.1:{port}{path}", **options), deadline)


@pytest.mark.parametrize(
    ("behave", "outcome", "message"),
    [
        (http(200, {"status": "ok"}), "ok", None),
        (http(200, {"status": "unhealthy", "components": {}}), "failed", "it says unhealthy"),
        (http(500, {"status": "healthy"}), "ok", "it says healthy, with HTTP 500"),
        (http(200, {"status": "down"}, kind="text/html"), "failed", "it says down"),
        (http(200, b"<html>", kind="text/html"), "ok", None),
        (http(200, b"<html>"), "skipped", "HTTP 200, but it does not say how it is"),
        (http(503, b"<html>", kind="text/html"), "failed", "HTTP 503"),
        (http(302, b"", headers="Location: /elsewhere\r\n"), "failed", "it redirects (HTTP 302)"),
        (
            http(200, b"\x1f\x8b", headers="Content-Encoding: gzip\r\n"),
            "skipped",
            "HTTP 200, but its body is compressed, which was not asked for",
        ),
        (pour, "skipped", "HTTP 200, but its body is longer than 64 KiB"),
    ],
)
def test_an_answer_over_http_has_a_latency_and_counts_by_its_body_first(behave, outcome, message):
    answer = get(behave)

    assert (answer.outcome, answer.message) == (outcome, message)
    assert answer.latency_ms > 0


@pytest.mark.parametrize(
    ("behave", "message"),
    [
        (reset, "connection reset"),
        (raw(b""), "no HTTP answer came"),
        (raw(b"+PONG\r\n\r\n"), "no HTTP answer came"),
        (raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status": "ok"}'), "the answer broke off"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"), "the answer broke off"),
    ],
)
def test_an_answer_that_does_not_come_whole_has_failed_and_has_no_latency(behave, message):
    assert get(behave) == Answer(Outcome.FAILED, message)


@pytest.mark.parametrize("behave", [hang, drip])
def test_who_is_silent_or_drips_has_failed_at_the_deadline(behave):
    started = time.monotonic()

    assert get(behave, deadline=0.3) == Answer(Outcome.FAILED, "no answer within 0.3 s")
    assert time.monotonic() - started < 30


def test_nobody_there_is_a_refused_connection():
    assert ask(HttpProbe(f"http://127.0.0.1:{free_port()}/")) == Answer(Outcome.FAILED, "connection refused")


def test_a_name_that_nobody_knows_is_named_as_such():
    """The tests reach no resolver: what a resolver raises, and the client wraps, is what is explained."""
    error = OSError("All connection attempts failed")
    error.__cause__ = socket.gaierror(-2, "Name or service not known")

    assert failure_reason(error) == "the name of the host is not known (DNS)"


def test_of_several_failures_at_once_the_first_is_told():
    error = OSError("All connection attempts failed")
    error.__cause__ = ExceptionGroup("several", [ConnectionRefusedError(), TimeoutError()])

    assert failure_reason(error) == "connection refused"


def test_a_server_without_tls_fails_the_handshake():
    with serving(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        answer = ask(HttpProbe(f"https://127.0.0.1:{port}/"))

    assert answer == Answer(Outcome.FAILED, "TLS: the handshake failed")


def test_a_certificate_that_nobody_trusts_is_refused(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*request, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def behave(connection):
        context.wrap_socket(connection, server_side=True).close()

    with serving(behave) as port:
        answer = ask(HttpProbe(f"https://127.0.0.1:{port}/"))

    assert answer == Answer(Outcome.FAILED, "TLS: the certificate is refused (self-signed certificate)")


def test_the_token_is_sent_and_stays_out_of_every_message():
    seen = []

    def behave(connection):
        seen.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    answer = get(behave, token=SECRET, path=f"/health?key={SECRET}")

    assert f"authorization: bearer {SECRET}".encode() in seen[0].lower()
    assert answer == Answer(Outcome.FAILED, "HTTP 401", answer.latency_ms)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1", "http://", f"http://127.0.0.1:{SECRET}/"])
def test_what_is_no_url_is_refused_without_being_repeated(url):
    with pytest.raises(ConfigurationError, match="starts with http:// or https://") as caught:
        HttpProbe(url)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}é"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_repeated(token):
    with pytest.raises(ConfigurationError, match="a token is plain ASCII") as caught:
        HttpProbe("http://127.0.0.1/", token=token)

    assert SECRET not in str(caught.value)


def test_a_port_that_takes_connections_is_well_even_if_silent():
    with serving(hang) as port:
        answer = ask(TcpProbe("127.0.0.1", port))

    assert (answer.outcome, answer.message) == (Outcome.OK, None)
    assert answer.latency_ms > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port_has_failed(host):
    answer = ask(TcpProbe(host, free_port()))

    assert answer.outcome is Outcome.FAILED
    assert answer.message in {"connection refused", "no address of the host takes a connection"}


def test_redis_is_asked_with_and_without_a_password():
    with RedisServer.running() as server:
        without = ask(RedisProbe(server.url))
        server.client.config_set("requirepass", SECRET)
        with_password = ask(RedisProbe(f"redis://:{SECRET}@127.0.0.1:{server.port}/0"))
        wrong = [ask(RedisProbe(server.url)), ask(RedisProbe(f"redis://:wrong-{SECRET}@127.0.0.1:{server.port}/0"))]

    assert (without.outcome, with_password.outcome) == (Outcome.OK, Outcome.OK)
    assert without.latency_ms > 0
    assert wrong == [Answer(Outcome.FAILED, "it asks for a password, or refuses the one given")] * 2


@pytest.mark.parametrize(
    ("behave", "message"),
    [
        (raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "the answer is not Redis"),
        (raw(b"-LOADING Redis is loading the dataset in memory\r\n"), "it is still loading its data"),
        (hang, "no answer within 0.5 s"),
    ],
)
def test_who_answers_redis_wrongly_or_not_at_all_has_failed(behave, message):
    with serving(behave) as port:
        assert ask(RedisProbe(f"redis://127.0.0.1:{port}/0"), 0.5) == Answer(Outcome.FAILED, message)


def test_no_redis_is_a_refused_connection():
    answer = ask(RedisProbe(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0"))

    assert answer == Answer(Outcome.FAILED, "connection refused")


@dataclass
class Component(ServiceLifecycle):
    status: HealthStatus
    is_put_away: bool = False

    async def health_check(self) -> Health:
        return Health("component", self.status, "a sentence of our own")

    async def get_metrics(self):
        return {}

    async def cleanup(self):
        self.is_put_away = True


@pytest.mark.parametrize(
    ("status", "outcome", "message", "attempt_count"),
    [
        (HealthStatus.HEALTHY, Outcome.OK, None, 1),
        (HealthStatus.DEGRADED, Outcome.DEGRADED, "a sentence of our own", 1),
        (HealthStatus.DOWN, Outcome.FAILED, "a sentence of our own", 1),
        (HealthStatus.UNKNOWN, Outcome.SKIPPED, "a sentence of our own", 0),
    ],
)
def test_a_component_is_asked_through_its_own_health_check(status, outcome, message, attempt_count):
    component = Component(status)

    answer = ask(ComponentProbe(lambda: component))

    assert (answer.outcome, answer.message, answer.attempt_count) == (outcome, message, attempt_count)
    assert component.is_put_away


def test_a_component_that_cannot_be_opened_has_failed():
    def refuse():
        raise ServiceUnavailableError("the disk is full: make room")

    assert ask(ComponentProbe(refuse)) == Answer(Outcome.FAILED, "the disk is full: make room")


def test_a_component_that_blocks_its_thread_holds_up_nobody():
    released = threading.Event()

    def block():
        released.wait(30)
        return Component(HealthStatus.HEALTHY)

    try:
        assert ask(ComponentProbe(block), deadline=0.2) == Answer(Outcome.FAILED, "no answer within 0.2 s")
    finally:
        released.set()


def test_200_probes_are_asked_at_most_so_many_at_a_time():
    counts = {"now": 0, "most": 0, "all": 0}

    class Counted:
        async def ask(self):
            counts["now"] += 1
            counts["all"] += 1
            counts["most"] = max(counts["most"], counts["now"])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            counts["now"] -= 1
            return Answer(Outcome.OK)

    watches = [Watch(f"service-{number}", "any", Counted()) for number in range(200)]
    answers = asyncio.run(ask_all(watches, concurrency=7))

    assert (len(answers), counts) == (200, {"now": 0, "most": 7, "all": 200})


def test_200_real_probes_of_which_some_hang_end_within_their_deadlines_and_in_order():
    lock = threading.Lock()
    open_now: list[int] = [0, 0]

    def answer_some(connection):
        with lock:
            open_now[0] += 1
            open_now[1] = max(open_now)
        request = connection.recv(65536)
        if b"/hang" in request:
            hang(connection)
        else:
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}')
        with lock:
            open_now[0] -= 1

    with serving(answer_some) as port:
        paths = ["hang" if number % 10 == 0 else "well" for number in range(200)]
        watches = [
            Watch(path, "http", HttpProbe(f"http://127.0.0.1:{port}/{path}"), deadline_seconds=5) for path in paths
        ]
        answers = asyncio.run(ask_all(watches, concurrency=40))

    assert [answer.outcome for answer in answers] == [
        Outcome.FAILED if path == "hang" else Outcome.OK for path in paths
    ]
    assert {answer.message for answer in answers if answer.outcome is Outcome.FAILED} == {"no answer within 5 s"}
    assert open_now[1] <= 40 + 2  # a connection may be counted until the server has seen that it is closed


def test_the_deadline_does_not_run_while_a_probe_waits_for_its_turn():
    class Slow:
        async def ask(self):
            await asyncio.sleep(0.4)
            return Answer(Outcome.OK)

    watches = [Watch(f"service-{number}", "any", Slow(), deadline_seconds=2) for number in range(8)]

    assert {answer.outcome for answer in asyncio.run(ask_all(watches, concurrency=1))} == {Outcome.OK}
