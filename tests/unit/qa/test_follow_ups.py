"""What a question means after the turns before it."""

from __future__ import annotations

from typing import Any

import pytest

from qa.domain.answer import Outcome
from qa.domain.dialogue import Leaning, leans


@pytest.mark.parametrize(
    ("first", "second", "family"),
    [
        ("How do I return an item?", "And when do I get my money back?", "returns.refund"),
        ("How do I return an item?", "who pays for it?", "returns.cost"),
        ("如何申请退货?", "那多久能收到退款?", "returns.refund"),
        ("如何申请退货?", "运费谁出呢?", "returns.cost"),
        ("How much is delivery?", "and how long does it take?", "delivery.time"),
    ],
)
async def test_a_follow_up_is_read_with_what_was_asked_before(
    ask: Any, after: Any, first: str, second: str, family: str
) -> None:
    made = await ask(second, after=await after(first))
    assert made.answer.outcome in {Outcome.DIRECT, Outcome.GENERATED}
    assert made.answer.citations[0].family == family
    assert made.understood != second


async def test_a_follow_up_that_can_mean_several_things_is_asked_back_among_them(ask: Any, after: Any) -> None:
    made = await ask("那要多久?", after=await after("如何申请退货?"))
    assert "returns.refund" in [citation.family for citation in made.answer.citations]


async def test_a_question_that_stands_alone_is_not_rewritten(ask: Any, after: Any) -> None:
    made = await ask("How can I pay?", after=await after("How do I return an item?"))
    assert made.answer.citations[0].family == "payment.methods"
    assert made.understood == "How can I pay?"


async def test_without_a_conversation_nothing_is_rewritten(ask: Any) -> None:
    assert (await ask("and how long does it take?")).understood == "and how long does it take?"


async def test_it_stands_for_the_product_of_the_last_answer(ask: Any, after: Any) -> None:
    made = await ask("它有多重?", after=await after("烟雨白瓷茶壶可以放洗碗机吗?"))
    assert "480克" in made.answer.text


async def test_a_chain_of_follow_ups_does_not_grow(ask: Any, after: Any) -> None:
    made = await ask("and that?", after=await after("How do I return an item?", *["and what about it?"] * 30))
    assert len(made.understood) < 100


@pytest.mark.parametrize(
    ("question", "leaning"),
    [
        ("and how long does it take?", Leaning.SURELY),
        ("那要多久?", Leaning.SURELY),
        ("运费呢", Leaning.SURELY),
        ("how long?", Leaning.PERHAPS),
        ("要多久", Leaning.PERHAPS),
        ("How do I return an item?", Leaning.NOT),
        ("请问怎么修改我的收货地址?", Leaning.NOT),
    ],
)
def test_leaning_shows_in_how_a_question_opens_points_and_ends(question: str, leaning: Leaning) -> None:
    assert leans(question) is leaning
