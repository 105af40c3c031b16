from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attune_cli.main import app
from attune_evaluate.protocols import Protocol, split
from attune_evaluate.readers.find import read


def evaluated(*arguments: str) -> dict:
    done = CliRunner().invoke(app, ["evaluate", "recommend", *arguments, "--offline", "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def figure(found: dict, name: str, measure: str = "ndcg@10") -> float:
    return next(row[measure] for row in found["new"] if row["name"].startswith(name))


def test_p1_hides_the_last_two_products_from_the_statistics_and_asks_with_the_last_but_one(pairs: Path) -> None:
    data = read(pairs)
    cut = split(data, Protocol.P1)
    bought = [act.product for act in data.histories()["p0"]]
    assert [act.product for act in cut.statistics if act.user == "p0"] == bought[:-2]
    assert [act.product for act in cut.asking if act.user == "p0"] == bought[:-1]
    assert next(case for case in cut.cases if case.user == "p0").wanted == {bought[-1]}


def test_a_time_split_knows_nothing_of_what_came_after(pairs: Path) -> None:
    cut = split(read(pairs), Protocol.TIME, at=0.7)
    first = min(act.at for act in cut.statistics)
    assert max(act.at for act in cut.statistics) < first + 4 * 86_400_000
    assert all(case.wanted or case.again for case in cut.cases)


def test_what_follows_in_this_shop_is_found_where_popularity_does_not(pairs: Path) -> None:
    found = evaluated(str(pairs), "--protocol", "p1")
    assert figure(found, "default: all of f", "recall@5") > 0.9
    assert figure(found, "default: all of f") > 2 * figure(found, "popularity")
    assert figure(found, "+ transitions") > figure(found, "article")


def test_recommend_serves_what_the_full_ranking_ranks_first(pairs: Path) -> None:
    found = evaluated(str(pairs), "--protocol", "p2")
    served, ranked = figure(found, "default, as Recommend", "recall@20"), figure(found, "default: all", "recall@20")
    assert served == pytest.approx(ranked, abs=0.02)


def test_people_are_chosen_by_their_names_and_the_same_in_every_run(pairs: Path) -> None:
    data = read(pairs)
    few, more = (split(data, Protocol.P2, users=users) for users in (5, 20))
    assert {case.user for case in few.cases} < {case.user for case in more.cases}


def test_nothing_is_known_of_products_whose_past_is_withheld(pairs: Path) -> None:
    cut = split(read(pairs), Protocol.P2, cold=0.4)
    assert cut.cold
    assert not cut.cold & {act.product for act in cut.statistics}
    assert all(case.wanted <= cut.cold for case in cut.cases)


def test_sequences_without_times_cannot_be_split_by_time(tmp_path: Path) -> None:
    (tmp_path / "items.tsv").write_text("asin\ttitle\tbrand\tcategories\na\tSoap\t\tBeauty|Soap\nb\tMug\t\tBeauty\n")
    (tmp_path / "sequences.tsv").write_text("u\ta b a b\n")
    done = CliRunner().invoke(app, ["evaluate", "recommend", str(tmp_path), "--protocol", "time"])
    assert done.exit_code == 2
    assert "use --protocol p1 or p2" in done.output


def test_a_folder_of_no_known_form_is_refused_with_the_forms_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "recommend", str(tmp_path), "--offline"])
    assert done.exit_code == 2
    assert "catalog.jsonl" in done.output


def test_a_bad_line_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "catalog.jsonl").write_text('{"product_id": "a"}\n')
    done = CliRunner().invoke(app, ["evaluate", "recommend", str(tmp_path), "--offline"])
    assert done.exit_code == 2
    assert "catalog.jsonl:1: title" in done.output


def test_the_ladder_can_be_drawn(pairs: Path, tmp_path: Path) -> None:
    evaluated(str(pairs), "--protocol", "p2", "--users", "5", "--plot", str(tmp_path / "ladder.svg"))
    drawn = (tmp_path / "ladder.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "popularity" in drawn
