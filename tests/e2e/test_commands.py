"""What a shopkeeper types, against the demo shop."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Attune


@pytest.fixture
def someone() -> str:
    return f"someone-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def products(attune: Attune) -> list[str]:
    found = attune.json("search", "kettle", "-k", "5")["recommendations"]
    return [each["product"]["product_id"] for each in found]


def offered(reply: dict[str, object]) -> list[str]:
    return [each["product"]["product_id"] for each in reply["recommendations"]]


def test_one_event_changes_the_need_and_the_recommendations(attune: Attune, products: list[str], someone: str) -> None:
    before = attune.json("recommend", someone)
    attune("send", "add_to_cart", "--user", someone, "--product", products[0], "--wait")
    need = attune.json("need", someone)["need"]
    after = attune.json("recommend", someone)
    assert need["known"]
    assert need["spectrum"][0]["product_id"] == products[0]
    assert offered(after) != offered(before)
    assert products[0] not in offered(after)


def test_the_terms_of_every_score_add_up_to_it(attune: Attune, products: list[str], someone: str) -> None:
    attune("send", "purchase", "--user", someone, "--product", products[0], "--wait")
    for each in attune.json("recommend", someone)["recommendations"]:
        terms = each["score"]["terms"]
        assert sum(term.get("contribution", 0) for term in terms) == pytest.approx(each["score"].get("value", 0))
        assert all(
            term.get("contribution", 0) == pytest.approx(term.get("value", 0) * term.get("weight", 0)) for term in terms
        )
        assert each["reason"]


def test_a_search_moves_the_need_as_a_click_does(attune: Attune, someone: str) -> None:
    attune("send", "query", "--user", someone, "--text", "帐篷和睡袋", "--wait")
    need = attune.json("need", someone)["need"]
    assert need["spectrum"][0]["text"] == "帐篷和睡袋"
    assert need["vector"]["dim"] > 0


def test_someone_new_is_served_by_trend_and_told_so(attune: Attune, someone: str) -> None:
    reply = attune.json("recommend", someone)
    assert reply["recommendations"]
    assert all("trend" in each["sources"] for each in reply["recommendations"])


def test_both_languages_are_answered_from_the_same_family_in_their_own_language(attune: Attune) -> None:
    english = attune.json("ask", "How do I return an item?")["answer"]
    chinese = attune.json("ask", "如何申请退货?")["answer"]
    assert (english["language"], chinese["language"]) == ("en", "zh")
    assert english["citations"][0]["family"] == chinese["citations"][0]["family"]
    assert any("一" <= letter <= "鿿" for letter in chinese["text"])
    assert english["text"].isascii() or not any("一" <= letter <= "鿿" for letter in english["text"])


def test_a_follow_up_is_understood_from_the_turn_before(attune: Attune, someone: str) -> None:
    first = attune.json("ask", "How do I return an item?", "--user", someone)["answer"]
    second = attune.json("ask", "And how long do I have?", "--user", someone, "--dialogue", first["dialogue_id"])[
        "answer"
    ]
    assert second["turn"] == 2
    assert "return" in second["understood"].lower()


@pytest.mark.parametrize("question", ["What is the capital of France?", "法国的首都是哪里?"])
def test_a_question_the_shop_cannot_know_is_handed_over(attune: Attune, question: str) -> None:
    assert attune.json("ask", question)["answer"]["outcome"] == "ANSWER_OUTCOME_HANDED_OVER"


def test_a_text_is_written_of_checked_facts_and_its_outcome_is_counted(
    attune: Attune, products: list[str], consenting: str
) -> None:
    reply = attune.json("compose", consenting, "--product", products[0], "--channel", "email")
    text = reply["composition"]
    assert text["facts"]
    assert all(fact["holds"] for fact in text["facts"])
    assert 0 < text["propensity"] <= 1
    before = arm(attune, text)
    for kind in ("impression", "click"):
        attune("send", kind, "--user", consenting, "--content", "-", "--wait", stdin=json.dumps(reply))
    after = arm(attune, text)
    assert int(after.get("impressions", 0)) == int(before.get("impressions", 0)) + 1
    assert int(after.get("clicks", 0)) == int(before.get("clicks", 0)) + 1


def arm(attune: Attune, text: dict[str, str]) -> dict[str, str]:
    found = attune.json("experiment", text["experiment_id"])["experiments"][0]["arms"]
    return next(each for each in found if each["variant_id"] == text["variant_id"])


@pytest.fixture(scope="session")
def consenting(attune: Attune, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Someone who agreed to be written to."""
    user = f"reader-{uuid.uuid4().hex[:8]}"
    file = tmp_path_factory.mktemp("users") / "users.jsonl"
    file.write_text(json.dumps({"user_id": user, "language": "en", "consents": {"marketing": True}}) + "\n")
    attune("load", "users", str(file))
    return user


def test_an_erased_person_is_forgotten_by_all_four_services(attune: Attune, products: list[str], someone: str) -> None:
    attune("send", "purchase", "--user", someone, "--product", products[0], "--wait")
    attune("ask", "How do I return an item?", "--user", someone)
    receipt = attune("erase", someone, "--yes")
    for service in ("needs", "recommender", "qa", "content"):
        assert service in receipt
    attune("need", someone, code=3)
    assert "nothing was held" in attune("erase", someone, "--yes")  # safe to repeat


def test_status_names_every_part(attune: Attune) -> None:
    said = attune("status")
    for part in ("kafka", "needs", "recommender", "qa", "content"):
        assert part in said
