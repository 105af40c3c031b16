"""What those are offered of whom, or of which, nothing is known yet.

    python benchmarks/cold_start.py [--quick] [--people 2000] [--no-keep]

On Amazon Beauty: a shop that knows everybody's past but that of those who ask. Each of them has one product behind
them, or the words of one product's title and nothing else, or nothing at all; looked for is the next product they
bought. Popularity is beside it: whoever is known by nothing is offered that. A shop without products answers too.
Prints a table and keeps it in cold_start.txt beside this script. The data is read from ATTUNE_DATA.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import kept
import numpy as np

from attune_evaluate.dataset import Act
from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.readers.amazon import beauty
from recommender.domain.allowed import Allowed
from recommender.domain.around import Around
from recommender.domain.arrange import offered
from recommender.domain.context import Context
from recommender.domain.rules import Customer
from recommender.domain.score import Mode, Wish, score
from recommender.usecases.offer import Asked
from recommender.usecases.relations import Person

DATA = Path(os.environ.get("ATTUNE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
_FOLDER = DATA / "amazon_beauty_kg"
_K = 10
_ALL = Allowed(out_of_stock=True)


async def measure(people: int) -> list[str]:
    """The table."""
    data = beauty(_FOLDER, links=False)
    histories = {user: acts for user, acts in data.histories().items() if len(acts) > 1}
    asking = random.Random(1).sample(sorted(histories), min(people, len(histories)))
    new = set(asking)
    titles = {product.product_id: product.title["en"] for product in data.products}
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        await house.stock(data.products)
        await house.learn([act for act in data.acts if act.user not in new])
        await house.remember([histories[user][0] for user in asking])
        hits = {"one product": 0, "words alone": 0, "nothing": 0}
        filled = 0
        for user in asking:
            first, wanted = histories[user][0], histories[user][1].product
            made = await house.recommend(Person(TENANT, user), Asked(_K, _ALL, "en"), Mode.CONDITIONED)
            offers = [offer.product.key.product_id for offer in made.offers]
            filled += len(offers) == _K
            hits["one product"] += wanted in offers
            hits["words alone"] += wanted in await by_words(house, titles[first.product])
        made = await house.recommend(Person(TENANT, "nobody"), Asked(_K, _ALL, "en"), Mode.CONDITIONED)
        offers = [offer.product.key.product_id for offer in made.offers]
        hits["nothing"] = sum(histories[user][1].product in offers for user in asking)
        popular = popular_of([act for act in data.acts if act.user not in new])
        known = sum(histories[user][1].product in popular for user in asking)
        empty = await house.recommend(Person("an-empty-shop", "nobody"), Asked(_K, _ALL, "en"), Mode.CONDITIONED)
        await house.close()
    lines = [f"{len(asking):,} people who are new, {len(data.products):,} products, R@10 of the next purchase"]
    lines += [f"  known by {label:<14}{count / len(asking):8.4f}" for label, count in hits.items()]
    lines.append(f"  popularity{known / len(asking):21.4f}")
    lines.append(f"  full replies{filled / len(asking):19.1%}")
    lines.append(f"  an empty shop: {len(empty.offers)} offers, because {empty.shortage}")
    return lines


async def by_words(house: House, text: str) -> list[str]:
    """What is offered to somebody of whom these words are all that is known."""
    shop = house.world.look(TENANT)
    ((vector, words),) = await house.models.texts([text])
    wish = Wish(vector=vector, words=shop.words.sought(words), around=Around(shop, []))
    ruling = house.decisions.ruling(shop, Context.HOME, Customer())
    found = await house.candidates(shop, wish, _K, _ALL, (), ruling)
    weights, _ = house.decisions.weights(TENANT)
    scores = score(shop, wish, found.places, weights, Mode.CONDITIONED)
    return [shop.ids[each.place] for each in offered(shop, scores, _K, ruling, diverse=True)]


def popular_of(acts: Sequence[Act]) -> list[str]:
    """The ten that were bought most."""
    names, counts = np.unique([act.product for act in acts], return_counts=True)
    best: list[str] = names[np.argsort(-counts, kind="stable")][:_K].tolist()
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 people alone")
    parser.add_argument("--people", type=int, default=2_000)
    kept.options(parser)
    given = parser.parse_args()
    if not _FOLDER.is_dir():
        parser.exit(2, f"{_FOLDER} is not there: set ATTUNE_DATA to the folder that holds amazon_beauty_kg\n")
    lines = asyncio.run(measure(200 if given.quick else given.people))
    print("\n".join(lines))
    if not given.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    main()
