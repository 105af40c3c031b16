from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_GOOD = {"title": {"en": "Kettle"}, "price": {"currency": "EUR", "amount": "19.90"}}
Keys = Callable[[str], Sequence[str]]


def _lines(path: Path, *lines: object) -> Path:
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8"
    )
    return path


def test_bad_lines_are_told_with_their_place_and_the_good_ones_are_loaded(
    on_kafka: Any, alone: Path, keys: Keys, tenant: str
) -> None:
    file = _lines(
        alone / "products.jsonl",
        {"product_id": f"{tenant}-1", **_GOOD},
        "no json",
        {"product_id": f"{tenant}-2"},
        {"product_id": f"{tenant}-3", **_GOOD, "availability": "sometimes"},
        {"product_id": f"{tenant}-4", **_GOOD, "price": {"currency": "euro", "amount": "1"}},
        {"product_id": f"{tenant}-5", **_GOOD, "brand": 7},
        {"product_id": f"{tenant}-6", **_GOOD},
    )
    loaded = on_kafka("load", "catalog", file, "--no-wait")
    assert loaded.exit_code == 2
    told = loaded.stderr
    assert f"{file}:2: malformed-json" in told
    assert f"{file}:3: title" in told
    assert f"{file}:4: availability = 'sometimes': send one of in_stock, out_of_stock" in told
    assert f"{file}:5: price.currency = 'euro'" in told
    assert f"{file}:6: brand = '7': send text" in told
    assert "5 bad lines" in told
    mine = {key for key in keys("attune.catalog.v1") if key.startswith(tenant)}
    assert mine == {f"{tenant}-1", f"{tenant}-6"}


def test_a_table_is_loaded_with_a_map(on_kafka: Any, alone: Path, keys: Keys, tenant: str) -> None:
    file = _lines(alone / "p.csv", "sku,name,price", f"{tenant}-1,Kettle,5", f"{tenant}-2,,5", f"{tenant}-1,Kettle 2,6")
    options = [
        "--map",
        "product_id=sku",
        "--map",
        "title=name",
        "--map",
        "price.amount=price",
        "--set",
        "price.currency=GBP",
    ]
    loaded = on_kafka("load", "catalog", file, *options, "--where", "name=.+", "--unique", "--no-wait", "--json")
    assert loaded.exit_code == 0
    report = json.loads(loaded.stdout)
    assert (report["loaded"], report["skipped"], report["bad"]) == (1, 1, [])
    assert [key for key in keys("attune.catalog.v1") if key.startswith(tenant)] == [f"{tenant}-1"]


def test_a_bad_line_of_a_table_has_the_line_number_of_the_file(on_kafka: Any, alone: Path) -> None:
    file = _lines(alone / "users.csv", "user_id,language,updated_at", "u1,en,2026-01-01", ",en,", "u3,en,yesterday")
    loaded = on_kafka("load", "users", file, "--no-wait", "--json")
    assert loaded.exit_code == 2
    assert [(bad["line"], bad["field"], bad["value"]) for bad in json.loads(loaded.stdout)["bad"]] == [
        (3, "user_id", ""),
        (4, "updated_at", "yesterday"),
    ]


def test_an_absent_file_is_bad_input(on_kafka: Any) -> None:
    loaded = on_kafka("load", "users", "nowhere.jsonl", "--no-wait")
    assert loaded.exit_code == 2
    assert "nowhere.jsonl: No such file" in loaded.stderr


def test_a_file_without_lines_changes_nothing(on_kafka: Any, alone: Path) -> None:
    assert on_kafka("load", "users", _lines(alone / "none.jsonl"), "--no-wait").exit_code == 3


def test_a_loader_that_waits_needs_the_services_that_read(on_kafka: Any, alone: Path) -> None:
    file = _lines(alone / "users.jsonl", {"user_id": "u1"})
    refused = on_kafka("load", "users", file)
    assert refused.exit_code == 1
    assert "needs (no address) is unknown address" in refused.stderr
