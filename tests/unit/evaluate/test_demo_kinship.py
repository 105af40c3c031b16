"""Substitutes and complements in the demo shop, whose links say which is which."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import json_format

from attune.events.v1.product_pb2 import Product
from attune_demo.catalog import products
from attune_evaluate.inprocess.house import TENANT, House
from recommender.domain.allowed import Allowed
from recommender.domain.kinship import COMPLEMENT, SUBSTITUTE
from recommender.domain.product import Key
from recommender.usecases.offer import Asked
from recommender.usecases.similar import Similar


async def test_of_a_kettle_substitutes_are_kettles_and_complements_are_tea_and_what_it_is_made_in(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, apart=False)
    await house.stock([json_format.ParseDict(each, Product()) for each in products()])
    similar = Similar(house.world, house.candidates, house.models, house.decisions)
    kettle, asked = Key(TENANT, "kettle-steep-temp"), Asked(10, Allowed(), "en")
    instead = await similar(kettle, asked, SUBSTITUTE)
    assert {offer.product.category for offer in instead.offers} == {"kitchen/kettles"}
    assert instead.shortage == "no more substitutes of it are known"
    beside = (await similar(kettle, asked, COMPLEMENT)).offers
    assert not {offer.product.key for offer in beside} & {offer.product.key for offer in instead.offers}
    assert sum(offer.product.category in {"food/tea", "kitchen/teaware"} for offer in beside) >= 7
    await house.close()
