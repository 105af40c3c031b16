from __future__ import annotations

import random
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest

from attune_embedded import files, ledger, logs, ports
from attune_embedded.plan import SERVICES, Plan, health_name, port_names
from attune_embedded.supervision import cause, pause


def test_ports_are_free_different_and_remembered(tmp_path: Path) -> None:
    first = ports.remember(tmp_path / "ports.json", port_names(SERVICES), random.Random(1))
    assert len(set(first.values())) == len(first) == 2 + 2 * len(SERVICES)
    assert ports.remember(tmp_path / "ports.json", port_names(SERVICES), random.Random(2)) == first


def test_a_remembered_port_that_was_taken_is_replaced_alone(tmp_path: Path) -> None:
    first = ports.remember(tmp_path / "ports.json", ["kafka", "redis"], random.Random(1))
    with socket.create_server(("127.0.0.1", first["kafka"])):
        second = ports.remember(tmp_path / "ports.json", ["kafka", "redis"], random.Random(2))
    assert second["kafka"] != first["kafka"]
    assert second["redis"] == first["redis"]


@pytest.mark.parametrize("text", ["", "[]", '{"redis": "many"}', '{"redis": 99999}', '{"redis": -1}'])
def test_a_damaged_memory_of_ports_is_no_hindrance(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text, encoding="utf-8")
    assert ports.free(ports.remember(tmp_path / "ports.json", ["redis"], random.Random(1))["redis"])


def test_a_service_is_told_where_everything_is(tmp_path: Path) -> None:
    data = tmp_path / "我的 shop #1"
    plan = Plan(data, SERVICES, {name: 20_000 + at for at, name in enumerate(port_names(SERVICES))})
    told = plan.environment("qa", inherited={"ATTUNE_GENERATOR": "openai", "ATTUNE_KAFKA": "elsewhere:1"})
    assert told["ATTUNE_GENERATOR"] == "openai"
    assert told["ATTUNE_KAFKA"] == "127.0.0.1:20000"
    assert told["ATTUNE_GRPC_LISTEN"] == told["ATTUNE_QA_ADDRESS"] == plan.address("qa")
    assert told["ATTUNE_NEEDS_ADDRESS"] == plan.address("needs")
    assert unquote(urlsplit(told["ATTUNE_QDRANT_URL"]).path) == str(data / "qdrant")
    assert unquote(urlsplit(told["ATTUNE_GRAPH_URL"]).path) == str(data / "graph.db")
    assert health_name("qa") == "attune.qa.v1.QaService"


def test_a_process_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        known = ledger.entry("needs", other.pid)
        assert known is not None
        # The right process id and start time, yet nothing of ours in its command line; then another start time.
        ledger.write(tmp_path / "processes.json", [known, ledger.Entry("qa", other.pid, known.created - 60)])
        assert ledger.sweep(tmp_path / "processes.json") == []
        assert psutil.pid_exists(other.pid)
    finally:
        other.communicate(b"\n")


def test_a_damaged_ledger_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text('[{"name": "needs"}]', encoding="utf-8")
    assert ledger.sweep(tmp_path / "processes.json") == []


def test_one_lock_at_a_time(tmp_path: Path) -> None:
    held = files.try_lock(tmp_path / "lock")
    assert held is not None
    assert files.try_lock(tmp_path / "lock") is None
    held.close()
    again = files.try_lock(tmp_path / "lock")
    assert again is not None
    again.close()


def test_a_log_that_grew_begins_anew_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "needs.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        logs.shorten(log, limit=1_000)
        assert log.stat().st_size == 400
        logs.shorten(log, limit=100)
        writer.write(b"new\n")
    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "needs.log.1").read_bytes() == b"old\n" * 100
    assert logs.tail(log) == "new"


def test_pauses_grow_and_stay_bearable() -> None:
    assert [pause(deaths) / timedelta(seconds=1) for deaths in (1, 2, 3, 4)] == [0.2, 0.4, 0.8, 1.6]
    assert pause(10_000) == timedelta(seconds=30)


def test_the_end_of_a_process_is_told_in_words() -> None:
    assert (cause(2), cause(-9)) == ("ended with code 2", "was ended by SIGKILL")
