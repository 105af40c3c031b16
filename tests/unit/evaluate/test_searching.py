from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from attune_cli.main import app


def searched(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["evaluate", "search", *arguments, "--offline"])
    assert done.exit_code == code, done.output
    return done.output


def test_a_product_is_found_by_its_name_in_every_way_to_search(pairs: Path) -> None:
    rows = json.loads(searched(str(pairs), "--json"))["rows"]
    assert {row["name"] for row in rows} >= {"BM25 over names", "Search, as it is served"}
    assert all(row["mrr@10"] > 0.9 for row in rows)


def test_questions_of_a_file_may_name_a_category_as_their_answer(pairs: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.tsv"
    asked.write_text("# ours\nquery\trelevant\nblue tent\ttent-1\ncover\tcovers\n", encoding="utf-8")
    found = json.loads(searched(str(pairs), "--queries", str(asked), "--json"))
    assert found["questions"] == 2
    assert all(row["ndcg@10"] > 0.8 for row in found["rows"] if row["name"].startswith("BM25"))


def test_a_file_of_questions_of_another_form_is_refused(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.tsv").write_text("blue tent\n")
    assert "query<TAB>relevant" in searched(str(pairs), "--queries", str(tmp_path / "asked.tsv"), code=2)


def test_searches_can_be_drawn(pairs: Path, tmp_path: Path) -> None:
    found = json.loads(searched(str(pairs), "--json", "--plot", str(tmp_path / "searches.svg")))
    drawn = (tmp_path / "searches.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert drawn.count("<rect") == len(found["rows"])
    for row in found["rows"]:
        assert row["name"] in drawn
        assert f"{row['ndcg@10']:.4f}" in drawn
