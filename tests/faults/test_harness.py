"""The judge is judged: a store that lost or doubled an event must not pass, and a row that says so must be seen."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faults.needs_oracle import PRODUCTS, Difference, expected
from faults.table import Row, Table
from faults.traffic import Sender, Shoppers
from proxy import Proxy

from needs.domain.need import Need


def events(count: int) -> list[dict[str, Any]]:
    """What 20 people did, in the order of the log."""
    nobody: Any = SimpleNamespace()
    shoppers = Shoppers(nobody, "shop", PRODUCTS)
    return [shoppers.event() for _ in range(count)]


def told_by(need: Need, *, kinds: dict[str, int]) -> Any:
    """A right need as the contract writes it."""
    from attune.needs.v1 import needs_pb2 as pb  # noqa: PLC0415
    from attune.types.v1.types_pb2 import UserRef  # noqa: PLC0415
    from needs.replies import need_reply  # noqa: PLC0415 - generated code, needed here alone

    message = need_reply(UserRef(user_id="u"), need, pb.NEED_MODE_WEIGHTED, "space", with_vectors=False)
    return SimpleNamespace(need=message, kinds=kinds)


def test_what_equals_the_log_passes() -> None:
    for right in expected(events(900)).values():
        found = Difference()
        found.count("u", right.kinds, dict(right.kinds))
        found.compare_need("u", right.need, told_by(right.need, kinds={}).need)
        assert (found.lost, found.doubled, found.told, found.vector) == (0, 0, [], 0.0)


def test_a_lost_event_is_seen() -> None:
    done = events(900)
    everything, without = expected(done), expected([event for event in done if event["event_id"] != "shop-u-400"])
    found = Difference()
    for person, right in everything.items():
        found.count("/".join(person), right.kinds, without[person].kinds)
        found.compare_need("/".join(person), right.need, told_by(without[person].need, kinds={}).need)
    assert (found.lost, found.doubled) == (1, 0)
    assert found.told


def test_a_doubled_event_is_seen() -> None:
    done = events(900)
    again = [*done, {**done[400], "event_id": "counted anew"}]
    found = Difference()
    doubled = expected(again)
    for person, right in expected(done).items():
        found.count("/".join(person), right.kinds, doubled[person].kinds)
    assert (found.lost, found.doubled) == (0, 1)


def test_one_lost_and_one_doubled_do_not_make_up_for_each_other() -> None:
    found = Difference()
    found.count("ann", {"view": 3}, {"view": 2})
    found.count("bob", {"view": 3}, {"view": 4})
    found.count("eve", {"view": 3, "click": 1}, {"view": 2, "click": 2})
    assert (found.lost, found.doubled) == (2, 2)


def test_events_in_another_order_are_seen() -> None:
    done = events(60)
    right = expected(done)["shop", "u0"]
    wrong = expected([{**event, "product_id": "p0"} for event in done])["shop", "u0"]
    found = Difference()
    found.count("u0", right.kinds, dict(wrong.kinds))
    found.compare_need("u0", right.need, told_by(wrong.need, kinds={}).need)
    assert (found.lost, found.doubled) == (0, 0)
    assert found.told


def test_a_vector_that_is_a_little_off_is_seen() -> None:
    right = expected(events(60))["shop", "u0"]
    message = told_by(right.need, kinds={}).need
    vector = np.frombuffer(message.vector.data, "<f4").copy()
    vector[0] += 1e-3
    message.vector.data = vector.tobytes()
    found = Difference()
    found.compare_need("u0", right.need, message)
    assert found.vector == pytest.approx(1e-3, rel=0.01)


def test_an_event_sent_twice_is_one_event() -> None:
    done = events(40)
    assert expected([*done, done[-1]])["shop", done[-1]["user_id"]].kinds.total() == 2


def test_the_table_adds_up() -> None:
    table = Table([Row("one", 1, 10, 0, 0, 2, 0.5), Row("two", 3, 1_000, 1, 2, 0, 1.5)])
    assert [line.split() for line in table.lines()[-1:]] == [["all", "4", "1,010", "1", "2", "2", "1.50"]]


def test_a_producer_remembers_only_what_was_acknowledged() -> None:
    """Nothing listens there, so nothing is."""
    sender = Sender("127.0.0.1:1")
    sender.send("attune.clickstream.v1", "u", {})
    with pytest.raises(AssertionError, match="not acknowledged"):
        sender.flush(0.3)
    sender.close()
    assert sender.written == []


@contextmanager
def echo() -> Iterator[int]:
    """A server that says everything back, and its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            with taken, suppress(ConnectionResetError):
                while data := taken.recv(1024):
                    taken.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listening.getsockname()[1])
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def test_the_proxy_forwards_refuses_swallows_and_answers_for_redis() -> None:
    with echo() as port:
        proxy = Proxy(port)
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as plain:
            plain.sendall(b"hello")
            assert plain.recv(10) == b"hello"
            proxy.set("error", error="OOM command not allowed")
            plain.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n")
            assert plain.recv(100) == b"-OOM command not allowed\r\n" * 2
            proxy.set("blackhole")
            plain.settimeout(0.1)
            plain.sendall(b"anyone?")
            with pytest.raises(TimeoutError):
                plain.recv(10)
            proxy.cut()
            plain.settimeout(5)
            with pytest.raises(ConnectionResetError):
                plain.recv(10)
        proxy.set("refuse")
        with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), 5) as plain:
            plain.recv(10)
        proxy.close()
