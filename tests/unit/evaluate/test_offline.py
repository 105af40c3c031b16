from __future__ import annotations

import json
import math
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


def test_a_platform_is_given_all_that_people_ask_with_so_p1_is_measured_and_named_as_p2(pairs: Path) -> None:
    data = read(pairs)
    cut, same = split(data, Protocol.P1, live=True), split(data, Protocol.P2, live=True)
    assert cut.protocol is same.protocol is Protocol.P2
    assert set(cut.asking) <= set(cut.statistics)
    assert (cut.statistics, cut.cases) == (same.statistics, same.cases)
    assert cut.about.startswith("p2: ")
    assert "a platform cannot hide" in cut.about
    assert "p1" not in same.about
    assert split(data, Protocol.P1).protocol is Protocol.P1


def test_rungs_come_in_order_from_what_is_popular_to_what_is_served(pairs: Path) -> None:
    assert [row["name"] for row in evaluated(str(pairs), "--protocol", "p2", "--users", "2")["new"]] == [
        "popularity",
        "item-kNN, decay .7",
        "article: plain mean, centrality",
        "sim.dense with recency",
        "+ nearest of the last products",
        "+ words",
        "+ transitions",
        "+ co-occurrence",
        "+ category, brand, attributes",
        "default: all of f",
        "article, as Recommend serves it",
        "default, as Recommend serves it",
    ]


def test_what_is_bought_again_is_looked_for_among_all_products_and_what_is_new_among_the_others(tmp_path: Path) -> None:
    """Before the moment three people had the mug, two the pan, one the rug. Then that one buys rug, mug and lamp."""
    day = {"ann": [("mug", 1), ("pan", 2)], "bob": [("mug", 1), ("pan", 2)]}
    day["cy"] = [("mug", 1), ("rug", 2), ("rug", 4), ("mug", 4), ("lamp", 4), ("pan", 5)]
    things = [{"product_id": each, "title": {"en": each}, "category": "home"} for each in ("lamp", "mug", "pan", "rug")]
    acts = [
        {"event_id": f"{user}{n}", "user_id": user, "occurred_at": f"2025-03-{d:02d}T{n:02d}:00:00Z",
         "kind": "purchase", "product_id": product}
        for user, bought in day.items() for n, (product, d) in enumerate(bought)
    ]  # fmt: skip
    for name, lines in (("catalog", things), ("events", acts)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cut = split(read(tmp_path), Protocol.TIME)
    assert [(case.user, case.wanted, case.again) for case in cut.cases] == [("cy", {"lamp"}, {"rug", "mug"})]

    found = evaluated(str(tmp_path), "--protocol", "time")
    assert [row["name"] for row in found["again"]] == [row["name"] for row in found["new"]]
    popular = next(row for row in found["again"] if row["name"] == "popularity")  # mug, pan, rug, lamp
    assert (popular["people"], popular["recall@5"]) == (1, 1)
    assert popular["ndcg@5"] == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)), abs=1e-5)
    assert figure(found, "popularity") == pytest.approx(1 / math.log2(3), abs=1e-5)  # pan, lamp
    served = next(row for row in found["again"] if row["name"] == "default, as Recommend serves it")
    assert served["recall@5"] == 1
