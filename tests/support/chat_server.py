"""A chat server on loopback that answers well, badly, late or not at all, and the client that asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lm.generators import OpenAiGenerator
from lm.protocols import Prompt

SECRET = "sk-not-to-be-seen"  # noqa: S105 - a made-up key, looked for in everything that is said
PROMPT = Prompt("recommend", "en", "Recommend the product.", {"title": "Ode jug", "price": "9 €"}, max_chars=60)


@dataclass
class Answer:
    """What the server does with one request."""

    status: int = 200
    body: bytes | Callable[[dict[str, Any]], bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    waits_for: threading.Event | None = None


def choice(text: str | None, *, logprobs: list[float | None] | None = None, finish: str = "stop") -> dict[str, Any]:
    told = None if logprobs is None else {"content": [{"token": "x", "logprob": value} for value in logprobs]}
    return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": told}


def says(*choices: dict[str, Any]) -> Answer:
    return Answer(body=json.dumps({"object": "chat.completion", "choices": choices}).encode())


def says_one_of_its_own(request: dict[str, Any]) -> bytes:
    """A server that does not know `n`: one text, another one for each seed."""
    return json.dumps({"choices": [choice(f"A jug, number {request['seed']}.")]}).encode()


def refuses(message: str, status: int = 400, **error: object) -> Answer:
    return Answer(status, json.dumps({"error": {"message": message, **error}}).encode())


class Server:
    """Answers in turn, the last answer for ever, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.asked = threading.Event()
        self._lock = threading.Lock()

    def take(self, handler: BaseHTTPRequestHandler) -> tuple[Answer, dict[str, Any]]:
        request = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        with self._lock:
            self.requests.append(request)
            self.keys.append(handler.headers.get("authorization"))
            self.paths.append(handler.path)
            self.asked.set()
            return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]), request


@contextmanager
def running(server: Server) -> Iterator[str]:
    """The server's base address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer, request = server.take(self)
            if answer.waits_for is not None:
                answer.waits_for.wait(20)
            body = answer.body(request) if callable(answer.body) else answer.body
            try:
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client had enough

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class Clock:
    """A clock that goes on only while somebody sleeps on it, or when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def asking(*answers: Answer, **options: Any) -> Iterator[tuple[OpenAiGenerator, Server, Clock]]:
    server, clock = Server(*answers), Clock()
    with running(server) as url:
        yield OpenAiGenerator(url, "tiny", clock=clock, sleep=clock.sleep, **options), server, clock
