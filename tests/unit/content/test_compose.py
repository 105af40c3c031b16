"""A text is composed for a person: checked, ranked, chosen by the experiment, remembered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from content.domain.composition import Outcome
from content.domain.customer import Customer, NoConsent
from content.domain.errors import ConsentUnknown, NothingToSay, UnknownExperiment, UnknownProduct
from content.stores.names import person_key
from content.usecases.compose import Compose, Wish
from content.usecases.learn import Forget, LearnOutcomes, TellExperiments
from content.usecases.ports import Forgotten, Happened, KnownCustomer, Replaced, Span, Written

AGREED = {"marketing": True}


def wish(shop: Any, user: str = "ada", channel: str = "push", **changes: Any) -> Wish:
    return Wish(shop.person(user), changes.pop("product_id", "kettle"), channel, **changes)


def knows(shop: Any, user: str, **known: Any) -> None:
    customer = Customer(**{"known": True, "consents": AGREED, **known})
    shop.customers[user] = KnownCustomer(customer, ["needs"])


async def test_a_template_is_filled_and_each_of_its_facts_is_returned(shop: Any, compose: Compose) -> None:
    await shop.template("price", "{title} for {price}, with {attribute.warranty} of warranty.")
    made = await compose(wish(shop), seed=1)
    assert made.chosen.candidate.text == "Harbor Electric Kettle, 1.7 L for €49.90, with 24 months of warranty."
    assert [(f.field, f.holds) for f in made.chosen.facts] == [
        ("title", True), ("price", True), ("attribute.warranty", True),
    ]  # fmt: skip
    assert made.composition.experiment_id == "push.en"
    assert made.composition.variant_id == "price"
    assert 0 < made.composition.propensity <= 1
    assert "template" in made.by


async def test_a_text_with_a_fact_that_cannot_be_verified_is_refused_and_says_why(shop: Any, compose: Compose) -> None:
    shop.written = Written(
        "openai:qwen", [("The kettle holds 3 litres.", -1.0), ("The kettle holds 1.7 litres.", -2.0)]
    )
    made = await compose(wish(shop), seed=1)
    assert made.chosen.candidate.text == "The kettle holds 1.7 litres."
    ((refused, score),) = made.others
    assert (refused.candidate.text, score) == ("The kettle holds 3 litres.", None)
    assert refused.refused == "'3 litres': the product record does not say so"


async def test_a_text_longer_than_the_channel_shows_is_refused(shop: Any, compose: Compose) -> None:
    await shop.template("long", "{title} by {brand}: look, look again, and look once more at it.", channel="sms")
    await shop.template("short", "{title}, {price}", channel="sms")
    made = await compose(wish(shop, channel="sms"), seed=1)
    assert made.chosen.candidate.template_id == "short"
    assert "characters, and the channel shows 70" in made.others[0][0].refused


async def test_someone_whose_language_is_chinese_reads_chinese(shop: Any, compose: Compose) -> None:
    await shop.template("en", "{title} for {price}")
    await shop.template("zh", "{title}，{price}", language="zh-CN")
    knows(shop, "ada", language="zh-Hans")
    made = await compose(wish(shop), seed=1)
    assert made.chosen.candidate.text == "海港电热水壶 1.7升，€49.90"
    assert made.composition.experiment_id == "push.zh"
    assert (await compose(wish(shop, language="en"), seed=1)).language == "en"


async def test_without_a_text_in_the_persons_language_the_shops_stands_in_and_is_said_to(
    shop: Any, compose: Compose
) -> None:
    await shop.template("en", "{title} for {price}")
    made = await compose(wish(shop, language="fr"), seed=1)
    assert made.language == "en"
    assert [(r.component, r.used) for r in made.replaced] == [("language", "en")]


async def test_marketing_needs_consent_and_the_shops_own_pages_do_not(shop: Any, compose: Compose) -> None:
    for channel in ("push", "banner"):
        await shop.template(channel, "{title}", channel=channel)
    for consents in ({}, {"marketing": False}, {"marketing": True, "push": False}, {"other": True}):
        knows(shop, "ada", consents=consents)
        with pytest.raises(NoConsent, match=r"attune\.users\.v1") as refused:
            await compose(wish(shop), seed=1)
        assert (refused.value.field, refused.value.value) == ("channel", "push")
        assert (await compose(wish(shop, channel="banner"), seed=1)).chosen.candidate.template_id == "banner"


async def test_without_the_needs_service_consent_is_unknown_and_a_banner_is_still_composed(
    shop: Any, compose: Compose
) -> None:
    await shop.template("banner", "{title}", channel="banner")
    shop.customers["ada"] = KnownCustomer(Customer(), replaced=Replaced("needs", "nothing known", "UNAVAILABLE"))
    with pytest.raises(ConsentUnknown):
        await compose(wish(shop), seed=1)
    made = await compose(wish(shop, channel="banner"), seed=1)
    assert [r.component for r in made.replaced] == ["needs"]


async def test_an_unknown_product_is_named(shop: Any, compose: Compose) -> None:
    with pytest.raises(UnknownProduct, match="'teapot'"):
        await compose(wish(shop, product_id="teapot"), seed=1)


async def test_when_no_text_is_left_the_reasons_are_told(shop: Any, compose: Compose) -> None:
    await shop.template("boast", "The best kettle: {title}")
    await shop.template("colour", "{title} in {attribute.colour}")
    with pytest.raises(NothingToSay) as nothing:
        await compose(wish(shop), seed=1)
    assert "'best': a claim of this sort (superlative) may not be made" in str(nothing.value)
    assert "{attribute.colour}" in str(nothing.value)


async def test_a_need_makes_the_text_that_speaks_of_it_likelier(shop: Any, compose: Compose) -> None:
    await shop.template("steel", "{title}: {attribute.material}")
    await shop.template("years", "{title}: {attribute.warranty} of warranty")
    for words, likeliest in (({"stainless": 1.0, "steel": 1.0}, "steel"), ({"warranti": 1.0, "24": 1.0}, "years")):
        knows(shop, "ada", words=words)
        made = await compose(wish(shop), seed=1)
        both = [(made.chosen, made.score), *made.others]
        assert max(both, key=lambda pair: pair[1].value if pair[1] else -99)[0].candidate.variant_id == likeliest
        for _, score in both:
            assert score is not None
            assert score.value == pytest.approx(sum(term.contribution for term in score.terms))


async def test_a_need_of_another_space_counts_for_nothing(shop: Any, compose: Compose) -> None:
    await shop.template("t", "{title}")
    knows(shop, "ada", vector=np.ones(3, dtype=np.float32), space="other@1")
    made = await compose(wish(shop), seed=1)
    assert {term.name: term.value for term in made.score.terms}["need.vector"] == 0


async def test_the_same_seed_composes_the_same_text(shop: Any, compose: Compose) -> None:
    for name in "abc":
        await shop.template(name, f"{{title}}: have a look, {name}")
    first, second = [await compose(wish(shop), seed=7) for _ in range(2)]
    assert first.chosen == second.chosen
    assert first.composition.propensity == second.composition.propensity


async def test_outcomes_move_the_choice(shop: Any, compose: Compose) -> None:
    """After enough clicks on one arm, which were not before, it is chosen more, and its propensity says so."""
    await shop.template("a", "{title}. Have a look?")
    await shop.template("b", "{title}. Take a look?")
    learn = LearnOutcomes(shop.experiments, shop.compositions, shop.positions)
    before = Counter([(await compose(wish(shop), seed)).composition.variant_id for seed in range(40)])
    offset = 0
    for seed in range(60):
        said = (await compose(wish(shop), seed)).composition
        kinds = [Outcome.IMPRESSION] + ([Outcome.CLICK] if said.variant_id == "b" and seed % 2 else [])
        happened = [
            Happened(offset + i, f"e{offset + i}", shop.person(), kind, said.composition_id, said.experiment_id,
                     said.variant_id, shop.now)
            for i, kind in enumerate(kinds)
        ]  # fmt: skip
        offset += len(kinds)
        assert await learn(Span("log", "clicks", 0, offset), happened) == []
    made = [(await compose(wish(shop), seed)).composition for seed in range(40)]
    after = Counter(composition.variant_id for composition in made)
    assert after["b"] > before["b"]
    assert after["b"] >= 36
    assert max(c.propensity for c in made if c.variant_id == "b") > 0.9
    experiment = await TellExperiments(shop.experiments).one(shop.tenant, "push.en")
    assert sum(experiment.total(v).impressions for v in "ab") == 60
    with pytest.raises(UnknownExperiment):
        await TellExperiments(shop.experiments).one(shop.tenant, "sms.en")


async def test_an_outcome_of_a_variant_that_was_never_shown_is_handed_back(shop: Any, compose: Compose) -> None:
    await shop.template("a", "{title}")
    said = (await compose(wish(shop), seed=1)).composition
    good = Happened(0, "e0", shop.person(), Outcome.CLICK, said.composition_id, said.experiment_id, "a", shop.now)
    invented = replace(good, offset=1, event_id="e1", variant_id="x")
    learn = LearnOutcomes(shop.experiments, shop.compositions, shop.positions)
    assert await learn(Span("log", "clicks", 0, 2), [good, invented]) == [invented]
    experiment = await TellExperiments(shop.experiments).one(shop.tenant, "push.en")
    assert list(experiment.arms) == ["a"]
    assert experiment.total("a").clicks == 1


async def test_who_is_forgotten_leaves_counts_that_name_nobody(shop: Any, compose: Compose) -> None:
    await shop.template("a", "{title}")
    said = (await compose(wish(shop), seed=1)).composition
    learn, forget = LearnOutcomes(shop.experiments, shop.compositions, shop.positions), Forget(shop.compositions)
    click = Happened(0, "e0", shop.person(), Outcome.CLICK, said.composition_id, said.experiment_id, "a", shop.now)
    await learn(Span("log", "clicks", 0, 1), [click])
    assert await forget(shop.person(), shop.now + 1) == Forgotten(compositions=1, responses=1)
    assert await forget(shop.person(), shop.now + 1) == Forgotten()
    late = replace(click, offset=1, event_id="e1")
    await learn(Span("log", "clicks", 0, 2), [late])
    assert await shop.compositions.responses(shop.person()) == {}
    assert (await TellExperiments(shop.experiments).one(shop.tenant, "push.en")).total("a").clicks == 2
    names = [key.decode() async for key in shop.redis.scan_iter(f"composition:*{shop.tenant}*")]
    assert names == [person_key(shop.person(), "gone")]
