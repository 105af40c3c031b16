"""Records that can never succeed, inside full batches: each of them in `.dead` once with its reason, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from faults.dead_letters_read import Letter, ends, letters
from faults.needs_house import NeedsHouse
from faults.needs_oracle import vector_record
from faults.needs_reader import caught_up
from faults.table import Row, Table
from faults.traffic import CLICKS, VECTORS, Shoppers

pytestmark = pytest.mark.timeout(300)
POISON = {  # kind of poison → reason it must be given
    "malformed": "malformed-json",
    "wrong type": "wrong-type",
    "missing field": "invalid-field",
    "wrong key": "wrong-key",
    "unknown kind": "unknown-enum",
    "too large": "too-large",
    "not UTF-8": "malformed-json",
    "future": "future",
    "unknown product": "unknown-product",
    "tombstone": "no-value",
    "wrong partition": "wrong-partition",
    "bad protobuf": "malformed-protobuf",
}


def send(poison: str, shoppers: Shoppers) -> None:
    """One bad record of its kind."""
    event = shoppers.event(surface="poison")
    far = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    values: dict[str, Any] = {
        "malformed": b'{"event_id": "poison',
        "wrong type": {**event, "rating": "many"},
        "missing field": {name: given for name, given in event.items() if name != "occurred_at"},
        "unknown kind": {**event, "kind": "teleport"},
        "too large": {**event, "text": "x" * 1_000_001},
        "not UTF-8": b'{"event_id": "poison \xff\xfe"}',
        "future": {**event, "occurred_at": far},
        "unknown product": {**event, "product_id": "unheard-of"},
        "tombstone": None,
        "wrong partition": {**event, "user_id": "u0"},
        "bad protobuf": b"\x0a\xff\xff",
    }
    keys = {"wrong key": "somebody else", "wrong partition": "u0"}
    headers = {"content-type": "application/x-protobuf"} if poison == "bad protobuf" else {}
    partition = wrong_partition(shoppers) if poison == "wrong partition" else -1
    key, value = keys.get(poison, event["user_id"]), values.get(poison, event)
    shoppers.sender.send(CLICKS, key, value, partition=partition, headers=headers)


def wrong_partition(shoppers: Shoppers) -> int:
    """Any but the one where `u0` belongs."""
    right = next(r.partition for r in shoppers.sender.written if r.topic == CLICKS and r.key == "u0")
    return (right + 1) % 4


def test_poison_goes_to_dead_letters_alone(needs: NeedsHouse, table: Table) -> None:
    shoppers = needs.shoppers()
    shoppers.act(100)
    needs.sender.flush()
    needs.service.kill()  # so that all that follows comes in full batches
    kinds = list(POISON)
    shoppers.act(600, also=lambda n: send(kinds[n // 10 % len(kinds)], shoppers) if n % 10 == 0 else None)
    needs.service.start()
    needs.caught_up()
    bad = {r.place for r in needs.sender.written if r.topic == CLICKS and is_poison(r.value, r.key)}
    found = [letter for letter in letters(needs.engines.kafka, CLICKS) if place(letter) in bad]
    difference = needs.difference("u")
    row = Row("poison of twelve kinds", 60, difference.acknowledged, difference.lost, difference.doubled, len(found))
    table.add(row)
    assert (difference.lost, difference.doubled, difference.told) == (0, 0, [])
    assert Counter(place(letter) for letter in found) == dict.fromkeys(bad, 1)
    assert Counter(letter.reason for letter in found) == Counter(POISON[kind] for kind in kinds * 5)
    assert all(letter.remedy for letter in found)


def test_replayed_after_a_fix_they_count(needs: NeedsHouse, table: Table) -> None:
    shoppers = needs.shoppers("r")
    shoppers.act(50)
    for _ in range(10):
        event = shoppers.event(product_id="p31")
        needs.sender.send(CLICKS, event["user_id"], event)
    needs.caught_up()
    dead = [each for each in letters(needs.engines.kafka, CLICKS) if each.reason == "unknown-product"]
    assert len(dead) >= 10
    needs.sender.send(VECTORS, "p31", vector_record(needs.tenant, "p31"))
    needs.caught_up()
    said = subprocess.run(
        [sys.executable, "-m", "attune_cli", "dead-letters", "replay", CLICKS, "--reason", "unknown-product"],
        env={**os.environ, "ATTUNE_KAFKA": needs.engines.kafka, "ATTUNE_NEEDS_ADDRESS": needs.service.address},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    caught_up(needs.service, ends(needs.engines.kafka, CLICKS), 30)
    needs.judge(table, "replay after a fix", 1, prefix="r", dead=len(dead))


def is_poison(value: Any, key: str | None) -> bool:
    return not isinstance(value, dict) or value.get("surface") == "poison" or key != value.get("user_id")


def place(letter: Letter) -> tuple[str, int, int]:
    return letter.topic, letter.partition, letter.offset


def test_killed_around_its_dead_letters_each_is_there(needs: NeedsHouse, table: Table) -> None:
    """A kill between a letter and the offset after it may write the letter twice, under the same source position."""
    for number, step in enumerate(["before:dead-letter", "after:dead-letter", "after:bury"]):
        needs.service.kill()
        needs.service.start("--kill", f"{step}:2", "--armed", str(needs.armed))
        needs.caught_up()
        needs.armed.touch()
        shoppers, kinds = needs.shoppers(f"{number}-"), ["malformed", "unknown kind", "future", "not UTF-8"]
        shoppers.act(100, also=lambda n, to=shoppers, of=kinds: send(of[n // 5 % 4], to) if n % 5 == 0 else None)
        needs.service.killed_itself()
        needs.armed.unlink()
        needs.service.start()
        needs.caught_up()
        bad = {r.place for r in needs.sender.written if r.topic == CLICKS and is_poison(r.value, r.key)}
        found = {place(letter) for letter in letters(needs.engines.kafka, CLICKS)} & bad
        difference = needs.difference(f"{number}-")
        row = Row(f"SIGKILL needs {step}", 1, difference.acknowledged, difference.lost, difference.doubled, len(found))
        table.add(row)
        assert (difference.lost, difference.doubled, difference.told) == (0, 0, [])
        assert bad - found == set()
