"""What a shopkeeper types, against the demo shop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
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


def test_a_need_reads_as_a_person_would_tell_it(attune: Attune, products: list[str], someone: str) -> None:
    attune("send", "view", "--user", someone, "--product", products[0], "--wait")
    attune("send", "query", "--user", someone, "--text", "white porcelain", "--wait")
    shown = attune("need", someone)
    assert "said “white porcelain” just now — makes " in shown
    (line,) = [line for line in shown.splitlines() if "viewed" in line]
    assert products[0] not in line  # by its title
    assert line.endswith("% of the need")


def test_a_need_is_told_as_it_was_and_as_it_would_be(attune: Attune, products: list[str], someone: str) -> None:
    first, second, third = products[:3]
    attune("send", "view", "--user", someone, "--product", first, "--at", "2026-01-05T10:00:00Z", "--wait")
    attune("send", "view", "--user", someone, "--product", second, "--at", "2026-01-06T10:00:00Z", "--wait")
    then = attune.json("need", someone, "--as-of", "2026-01-05T12:00:00Z")["need"]
    assert [each["product_id"] for each in then["spectrum"]] == [first]
    would = attune.json("need", someone, "--what-if", f"purchase:{third}")["need"]
    assert would["spectrum"][0]["product_id"] == third
    assert would["simulated"]
    assert len(attune.json("need", someone)["need"]["spectrum"]) == 2
    attune("need", someone, "--what-if", "view:unheard-of", code=3)


def test_each_change_of_a_need_is_told_to_who_watches(attune: Attune, products: list[str], someone: str) -> None:
    command = [sys.executable, "-m", "attune_cli", "need", someone, "--watch"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background hands down that it is ignored
    with subprocess.Popen(command, cwd=attune.home, env=attune.env, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().rstrip().endswith("0 behaviours")
        attune("send", "click", "--user", someone, "--product", products[0], "--wait")
        assert watching.stdout.readline().rstrip().endswith("1 behaviour")
        assert "clicked" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 0


def test_who_signs_in_is_who_they_were_until_they_are_erased(attune: Attune, products: list[str], someone: str) -> None:
    session = f"anon:{someone}"
    attune("send", "purchase", "--user", session, "--product", products[0], "--wait")
    attune("send", "identify", "--user", someone, "--anonymous", session, "--wait")
    assert session in attune("need", someone)
    assert products[0] not in offered(attune.json("recommend", someone))
    receipt = attune.json("erase", someone)
    assert receipt["also_known_as"] == [session]
    assert {(each["of"], each["service"]) for each in receipt["erased"] if each["count"]} >= {
        (session, "needs"),
        (session, "recommender"),
        (someone, "needs"),
    }
    attune("need", someone, code=3)
    attune("need", session, code=3)


def test_a_question_moves_the_need_as_a_click_does(attune: Attune, products: list[str], someone: str) -> None:
    attune("ask", "Is it dishwasher safe?", "--user", someone, "--product", products[0])
    until = time.monotonic() + 20
    while not (found := json.loads(seen(attune, someone)))["need"]["spectrum"] and time.monotonic() < until:
        continue
    assert {each["product_id"] or each["text"] for each in found["need"]["spectrum"]} == {
        products[0],
        "Is it dishwasher safe?",
    }


def seen(attune: Attune, someone: str) -> str:
    """The need, whether or not anything is known."""
    command = [sys.executable, "-m", "attune_cli", "need", someone, "--json"]
    return subprocess.run(command, cwd=attune.home, env=attune.env, capture_output=True, text=True, check=False).stdout


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
