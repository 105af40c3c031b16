"""Whether Similar tells what could be bought in a product's place from what could be bought with it.

    python benchmarks/similar.py [--quick] [--products 1000] [--no-keep]

The products, titles, brands, categories and orders are those of Amazon Beauty; the links of the crawl are left out of
the shop and ask: of the first ten substitutes and of the first ten complements of a product, how many does the crawl
call `also_viewed`, how many `bought_together` or `also_bought`? Prints a table and keeps it in similar.txt beside this
script. The data is read from ATTUNE_DATA.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections import defaultdict
from pathlib import Path

import kept

from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.readers.amazon import beauty
from recommender.domain.allowed import Allowed
from recommender.domain.kinship import COMPLEMENT, SUBSTITUTE
from recommender.domain.product import Key
from recommender.usecases.offer import Asked
from recommender.usecases.similar import Similar

DATA = Path(os.environ.get("ATTUNE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
_FOLDER = DATA / "amazon_beauty_kg"
_K = 10
_VIEWED, _BOUGHT = frozenset({"also_viewed"}), frozenset({"bought_together", "also_bought"})


async def measure(products: int) -> list[str]:
    """The table."""
    linked = beauty(_FOLDER, links=True)
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for product in linked.products:
        said[product.product_id] = {relation.product_id: relation.kind for relation in product.relations}
    data = beauty(_FOLDER, links=False)
    asking = [name for name, links in said.items() if _VIEWED & set(links.values()) and _BOUGHT & set(links.values())]
    asking = random.Random(1).sample(sorted(asking), min(products, len(asking)))
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), apart=False)
        await house.stock(data.products)
        await house.learn(data.acts)
        similar = Similar(house.world, house.candidates, house.models, house.decisions)
        lines = [f"{len(asking):,} of {len(data.products):,} products, {len(data.acts):,} purchases, no links told",
                 f"{'of the first ten':<18}{'also viewed':>13}{'bought with':>13}{'viewed : bought':>18}"]  # fmt: skip
        for kind, label in (("", "both"), (SUBSTITUTE, "substitutes"), (COMPLEMENT, "complements")):
            viewed, bought = 0, 0
            for name in asking:
                made = await similar(Key(TENANT, name), Asked(_K, Allowed(out_of_stock=True), "en"), kind)
                kinds = [said[name].get(offer.product.key.product_id) for offer in made.offers]
                viewed += sum(each in _VIEWED for each in kinds)
                bought += sum(each in _BOUGHT for each in kinds)
            shown = _K * len(asking)
            lines.append(f"{label:<18}{viewed / shown:>12.1%} {bought / shown:>12.1%} {viewed / max(bought, 1):>17.2f}")
        await house.close()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 products alone")
    parser.add_argument("--products", type=int, default=1_000)
    kept.options(parser)
    given = parser.parse_args()
    if not _FOLDER.is_dir():
        parser.exit(2, f"{_FOLDER} is not there: set ATTUNE_DATA to the folder that holds amazon_beauty_kg\n")
    lines = asyncio.run(measure(100 if given.quick else given.products))
    print("\n".join(lines))
    if not given.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    main()
