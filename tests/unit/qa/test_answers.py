"""Which entry answers, in which language, and when none does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from lm.generators import TemplateGenerator
from lm.protocols import Candidate, GenerationFailed
from lm.static import StaticEncoder
from qa.domain.answer import Outcome
from qa.domain.wording import TEMPLATES
from qa.usecases.ports import Context, EmptyQuestion
from qa.usecases.writing import Writer

ENCODER = StaticEncoder.load()


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("How do I return an item?", "returns.how.en"),
        ("I would like to send something back", "returns.how.en"),
        ("如何申请退货?", "returns.how.zh"),
        ("怎么退货", "returns.how.zh"),
        ("What does shipping cost?", "delivery.cost.en"),
        ("运费多少钱", "delivery.cost.zh"),
        ("可以用支付宝付款吗", "payment.methods.zh"),
        ("how do I cancel my order", "orders.cancel.en"),
    ],
)
async def test_a_question_is_answered_from_its_family_in_its_own_language(ask: Any, question: str, entry: str) -> None:
    answer = (await ask(question)).answer
    assert answer.outcome in {Outcome.DIRECT, Outcome.GENERATED}
    assert answer.citations[0].entry_id == entry
    assert answer.language == entry[-2:]


async def test_the_caller_may_choose_the_language_of_the_answer(ask: Any) -> None:
    answer = (await ask("How do I return an item?", language="zh-CN")).answer
    assert (answer.outcome, answer.citations[0].entry_id) == (Outcome.DIRECT, "returns.how.zh")


async def test_a_family_without_the_language_answers_in_the_one_it_has(ask: Any, library: Any) -> None:
    for entry in library.held("warranty.length.zh"):
        library.forget(entry)
    answer = (await ask("保修多长时间?")).answer
    assert answer.outcome is not Outcome.ASK_BACK
    if answer.citations:
        assert answer.citations[0].entry_id == "warranty.length.en"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?", "can you fix my car", "tell me a joke",
        "Who won the football match yesterday?",
        "法国的首都是哪里?", "你能修我的车吗", "今天天气怎么样", "asdf qwer", "42", "🙂",
    ],
)  # fmt: skip
async def test_a_question_the_shop_cannot_answer_is_handed_over(ask: Any, question: str) -> None:
    answer = (await ask(question)).answer
    assert answer.outcome is Outcome.HANDED_OVER
    assert not answer.citations
    assert answer.probability < 0.8


async def test_the_terms_of_every_citation_add_up_to_its_score(ask: Any) -> None:
    for question in ("How do I return an item?", "shipping price", "可以取消吗"):
        for citation in (await ask(question)).answer.citations:
            total = sum(term.value * term.weight for term in citation.score.terms)
            assert citation.score.value == pytest.approx(total)


async def test_the_score_has_a_part_for_the_question_and_one_for_the_reply(ask: Any) -> None:
    score = (await ask("How do I return an item?")).answer.citations[0].score
    assert score.of("sim(q,a).dense") == pytest.approx(1, abs=1e-3)
    assert 0 < score.of("sim(q,r).dense") < 1


async def test_the_best_variant_of_an_entry_counts(ask: Any) -> None:
    answer = (await ask("Where do I get a return label?")).answer
    assert answer.citations[0].entry_id == "returns.how.en"
    assert answer.citations[0].score.of("sim(q,a).dense") == pytest.approx(1, abs=1e-3)


async def test_an_entry_answers_only_while_it_holds(ask: Any, library: Any) -> None:
    for language in ("en", "zh"):
        [entry] = library.held(f"warranty.length.{language}")
        gone = replace(entry, valid_until=1_699_999_999.0)
        library.learn(gone, ENCODER.encode(gone.texts))
    assert "warranty" not in str((await ask("How long is the warranty?")).answer.citations)


async def test_two_questions_in_one_message_are_answered_together(ask: Any) -> None:
    made = await ask("How do I return an item and how long does delivery take?")
    assert made.answer.outcome is Outcome.GENERATED
    assert [citation.family for citation in made.answer.citations] == ["returns.how", "delivery.time"]
    assert "2 to 4 working days" in made.answer.text
    assert "template" in made.by


@pytest.mark.parametrize(
    ("question", "stated"),
    [
        ("Is the Mist Porcelain Teapot dishwasher safe?", "dishwasher safe"),
        ("烟雨白瓷茶壶可以放洗碗机吗?", "可用洗碗机清洗"),
        ("how big is the mist porcelain teapot?", "600 ml"),
        ("烟雨白瓷茶壶是什么材质的?", "白瓷"),
    ],
)
async def test_a_question_about_a_product_is_answered_from_its_record(ask: Any, question: str, stated: str) -> None:
    answer = (await ask(question)).answer
    assert answer.outcome is Outcome.GENERATED
    assert stated in answer.text
    assert answer.product_ids == ("teapot",)


async def test_what_the_record_does_not_state_is_not_answered(ask: Any) -> None:
    answer = (await ask("Is the Mist Porcelain Teapot oven proof?")).answer
    assert answer.outcome is Outcome.HANDED_OVER


async def test_a_product_lately_seen_is_what_it_stands_for(ask: Any) -> None:
    class Needs:
        async def context(self, person: object) -> Context:
            del person
            return Context(products=("unknown", "teapot"))

    made = await ask("Is it dishwasher safe?", needs=Needs(), user="ann")
    assert made.answer.product_ids == ("teapot",)


async def test_an_empty_question_is_refused_with_a_remedy(ask: Any) -> None:
    with pytest.raises(EmptyQuestion) as refused:
        await ask(" \n ")
    assert (refused.value.field, refused.value.remedy) == ("text", "write the question in words")


async def test_neighbours_that_are_away_are_named_in_the_reply(ask: Any) -> None:
    made = await ask("What is the capital of France?", user="ann")
    assert [fallback.component for fallback in made.fallbacks] == ["needs", "recommender"]


class Inventive:
    """A generator that says what no source does."""

    name = "inventive"

    def __init__(self, text: str) -> None:
        self._text = text

    async def generate(self, prompt: object, *, n: int, seed: int) -> list[Candidate]:
        del prompt, n, seed
        if not self._text:
            raise GenerationFailed("inventive: no words today")
        return [Candidate(self._text)]


@pytest.mark.parametrize("text", ["It takes 99 days.", ""])
async def test_generated_words_that_invent_or_fail_are_replaced_and_said_so(ask: Any, text: str) -> None:
    question = "How do I return an item and how long does delivery take?"
    made = await ask(question, generator=Inventive(text))
    assert "99" not in made.answer.text
    assert "template" in made.by
    assert ("generator", "template") in [(fallback.component, fallback.used) for fallback in made.fallbacks]


async def test_generated_words_that_keep_to_their_sources_are_used(ask: Any) -> None:
    question = "How do I return an item and how long does delivery take?"
    made = await ask(question, generator=Inventive("Print the label; parcels take 2 to 4 working days."))
    assert made.answer.text.startswith("Print the label")
    assert "inventive" in made.by


class Endless(Inventive):
    """A generator that thinks for ever."""

    async def generate(self, prompt: object, *, n: int, seed: int) -> list[Candidate]:
        del prompt, n, seed
        await asyncio.Event().wait()
        return []


async def test_a_generator_that_is_slow_gives_way_while_someone_still_waits() -> None:
    writer = Writer(Endless(""), TemplateGenerator(TEMPLATES), lambda: 0.1)
    facts = {"question_1": "How?", "answer_1": "So."}
    text, by, [fallback] = await writer.write("qa.answer", "en", facts, ["So."])
    assert "So." in text
    assert (by, fallback.used) == ("template", "template")
    assert "no text within 0.1 s" in fallback.reason
