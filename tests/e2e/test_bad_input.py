"""Every kind of bad input gets a clear error, and nothing else is lost."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Attune


def test_an_unknown_product_is_not_found_by_name(attune: Attune) -> None:
    said = attune("similar", "no-such-product", code=3)
    assert "no-such-product" in said
    assert "Traceback" not in said


def test_an_unknown_user_has_no_need(attune: Attune) -> None:
    assert "nobody-at-all" in attune("need", "nobody-at-all", code=3)


@pytest.mark.parametrize("question", ["", "x" * 100_000], ids=["empty", "100,000 characters"])
def test_a_question_that_is_none_is_refused_with_its_field(attune: Attune, question: str) -> None:
    said = attune("ask", question, code=2)
    assert "text" in said
    assert "Traceback" not in said


def test_a_user_id_with_control_characters_is_refused(attune: Attune) -> None:
    assert "user_id" in attune("recommend", "bad\x07id", code=2)


def test_bad_lines_of_a_catalogue_are_told_by_number_and_the_good_ones_are_loaded(
    attune: Attune, tmp_path: Path
) -> None:
    tenant = f"t{uuid.uuid4().hex[:8]}"
    good = {"product_id": "good-1", "title": {"en": "Copper kettle"}}
    lines = [
        json.dumps(good),
        "{not json",
        json.dumps({"product_id": "no-title"}),
        json.dumps({"product_id": 7, "title": {"en": "Number"}}),
        json.dumps({"product_id": "p", "title": {"en": "P"}, "availability": "perhaps"}),
        json.dumps({**good, "product_id": "good-2"}),
    ]
    file = tmp_path / "catalog.jsonl"
    file.write_text("\n".join(lines) + "\n")
    said = attune("load", "catalog", str(file), "--tenant", tenant, code=2)
    for number, field in ((2, "JSON"), (3, "title"), (4, "product_id"), (5, "availability")):
        assert f"catalog.jsonl:{number}" in said
        assert field in said
    found = attune.json("search", "copper kettle", "--tenant", tenant)["recommendations"]
    assert {each["product"]["product_id"] for each in found} == {"good-1", "good-2"}


def test_an_event_of_an_unknown_product_is_a_dead_letter_that_says_what_to_do(attune: Attune) -> None:
    ghost = f"ghost-{uuid.uuid4().hex[:8]}"
    attune("send", "view", "--user", "u-bad", "--product", ghost, "--wait")
    said = attune("dead-letters", "show", "attune.clickstream.v1")
    assert ghost in said
    assert "unknown-product" in said
    assert "unknown-product" in attune("dead-letters", "list")


def test_a_dead_letter_that_was_mended_is_applied_by_replay(attune: Attune, tmp_path: Path) -> None:
    tenant, product = f"t{uuid.uuid4().hex[:8]}", f"late-{uuid.uuid4().hex[:8]}"
    attune("send", "view", "--user", "u-late", "--product", product, "--tenant", tenant, "--wait")
    attune("need", "u-late", "--tenant", tenant, code=3)
    file = tmp_path / "catalog.jsonl"
    file.write_text(json.dumps({"product_id": product, "title": {"en": "Late arrival"}}) + "\n")
    attune("load", "catalog", str(file), "--tenant", tenant)
    attune("dead-letters", "replay", "attune.clickstream.v1")
    attune("send", "view", "--user", "u-late", "--product", product, "--tenant", tenant, "--wait")  # comes after it
    need = attune.json("need", "u-late", "--tenant", tenant)["need"]
    assert [each["product_id"] for each in need["spectrum"]] == [product, product]


def test_without_a_platform_one_line_says_how_to_start_one(empty: Attune) -> None:
    said = empty("need", "maria", code=1)
    assert "attune up" in said
    assert len(said.strip().splitlines()) <= 2


def test_a_file_that_is_not_there_is_named(attune: Attune) -> None:
    assert "no-such-file.jsonl" in attune("load", "catalog", "no-such-file.jsonl", code=2)
