"""What the grounded templates say, and what they refuse to say."""

from __future__ import annotations

import pytest

from lm.generators import TemplateGenerator
from lm.protocols import GenerationFailed, Prompt

TEXTS = {
    "recommend": {
        "en": [
            "{title} is back in stock.",
            "{title} at {price}: worth a look.",
            "Seen {title} yet?",
            "Still thinking of {title} by {brand}?",
        ],
        "zh": ["{title}到货了。", "{title}，只要{price}。", "看看{title}吧！"],
        "zh-TW": ["{title}到貨了。", "{brand}的{title}，值得一看。"],
    },
    "greet": {"en": ["Hello {{friend}}"], "de": ["Guten Tag, {name}"]},
}


def prompt(language: str = "en", *, task: str = "recommend", max_chars: int = 0, **facts: str) -> Prompt:
    return Prompt(task, language, "Recommend it.", facts, max_chars)


async def texts(asked: Prompt, *, n: int = 9, seed: int = 1) -> set[str]:
    return {candidate.text for candidate in await TemplateGenerator(TEXTS).generate(asked, n=n, seed=seed)}


async def test_only_templates_whose_gaps_are_all_known_facts_are_used() -> None:
    assert await texts(prompt(title="Jug")) == {"Jug is back in stock.", "Seen Jug yet?"}


async def test_a_blank_fact_fills_no_gap() -> None:
    assert await texts(prompt(title="Jug", price="  ")) == {"Jug is back in stock.", "Seen Jug yet?"}


async def test_a_text_longer_than_asked_is_not_used() -> None:
    assert await texts(prompt(title="Jug", price="9 €", max_chars=13)) == {"Seen Jug yet?"}


async def test_a_fact_with_braces_is_stated_and_not_filled_again() -> None:
    assert "Seen {price} yet?" in await texts(prompt(title="{price}", price="9 €"))


async def test_doubled_braces_are_text() -> None:
    assert await texts(prompt(task="greet")) == {"Hello {friend}"}


async def test_the_same_seed_gives_the_same_texts_and_other_seeds_give_others() -> None:
    generator = TemplateGenerator(TEXTS)
    asked = prompt(title="Jug", price="9 €", brand="Ode")
    runs = [tuple(c.text for c in await generator.generate(asked, n=2, seed=seed)) for seed in [*range(20), *range(20)]]
    assert runs[:20] == runs[20:]
    assert len(set(runs)) > 5
    assert all(len(set(run)) == 2 for run in runs)


async def test_a_template_says_nothing_of_its_likelihood() -> None:
    (candidate, *_) = await TemplateGenerator(TEXTS).generate(prompt(title="Jug"), n=1, seed=1)
    assert (candidate.log_prob, candidate.tokens) == (None, None)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh-CN", {"壶到货了。", "看看壶吧！"}),
        ("ZH_cn", {"壶到货了。", "看看壶吧！"}),
        ("zh-TW", {"壶到貨了。"}),
        ("en-GB", {"壶 is back in stock.", "Seen 壶 yet?"}),
        ("fr", {"壶 is back in stock.", "Seen 壶 yet?"}),
    ],
)
async def test_the_words_come_from_the_nearest_language_and_from_english_when_there_is_none(
    language: str, expected: set[str]
) -> None:
    assert await texts(prompt(language, title="壶")) == expected


async def test_a_tag_whose_texts_cannot_be_used_gives_way_to_its_broader_one() -> None:
    texts_of = TemplateGenerator({"t": {"zh-TW": ["{brand}的{title}"], "zh": ["{title}到货"]}})
    (candidate,) = await texts_of.generate(prompt("zh-TW", task="t", title="壶"), n=3, seed=1)
    assert candidate.text == "壶到货"


async def test_a_missing_fact_does_not_change_the_language() -> None:
    with pytest.raises(GenerationFailed, match=r"the nearest one needs the facts \['name'\]"):
        await texts(prompt("de", task="greet"))


async def test_texts_that_are_all_too_long_are_told_so() -> None:
    with pytest.raises(GenerationFailed, match="longer than 3 characters"):
        await texts(prompt(title="Jug", max_chars=3))


async def test_an_unknown_task_names_those_that_exist() -> None:
    with pytest.raises(GenerationFailed, match=r"'sing'.*'greet', 'recommend'"):
        await texts(prompt(task="sing"))


async def test_a_task_without_the_language_and_without_english_fails() -> None:
    with pytest.raises(GenerationFailed, match="none is in 'fr' or in English"):
        await TemplateGenerator({"t": {"zh": ["好"]}}).generate(prompt("fr", task="t"), n=1, seed=1)


@pytest.mark.parametrize("text", ["{title", "{}", "{0}", "{a.b}", "{a[0]}", "{a:>9}", "{a!r}", "}"])
def test_a_gap_that_is_more_than_a_name_is_refused_when_loaded(text: str) -> None:
    with pytest.raises(ValueError, match="task 't'"):
        TemplateGenerator({"t": {"en": [text]}})


async def test_no_text_asked_for_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="n is 0"):
        await texts(prompt(title="Jug"), n=0)
