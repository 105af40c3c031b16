"""Which choices inside f(u, p) find what people choose next: each is changed alone, on three shops.

    python benchmarks/ranking_choices.py [--quick]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). The formula is written here
once more, as sparse matrices, so that a variant costs seconds. Choices are made on the product before the last one of
each person (and, in the shop with times, on June): what `attune evaluate recommend` looks for has no part in them.
Prints NDCG@10 of the whole formula and keeps it in ranking_choices.txt beside this script.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kept
import numpy as np
import scipy.sparse as sp

from attune_evaluate.readers.find import read
from lm import lexical
from lm.static import StaticEncoder
from recommender.domain.around import OVERLAP, SEED_DECAY, SHARES
from recommender.domain.graph import CAP, FADE
from recommender.domain.history import NEAR, TOGETHER
from recommender.domain.score import LAST, Weights

DATA = Path(os.environ.get("ATTUNE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SHOPS = {"Beauty": ("amazon_beauty_kg", 3000), "Office": ("amazon_office_unitok", 2000), "retail": ("online_retail", 0)}
MONTH = [int(datetime(2011, month, 1, tzinfo=UTC).timestamp() * 1000) for month in (6, 7)]
SEEDS, HALF, FIRST, SEED = 30, 0.5, 10, 0  # HALF: what a purchase leaves of the need before it
Matrix = Any  # sparse or dense


@dataclass
class Shop:
    """What is known of a shop, who asks, and what each of them chose next."""

    past: list[list[int]]
    asking: list[list[int]]  # oldest first
    moments: list[list[int]]  # of each of them
    wanted: list[set[int]]
    vectors: Matrix
    words: Matrix
    brands: Matrix
    base: dict[str, Matrix] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return int(self.vectors.shape[0])


@dataclass(frozen=True)
class Choices:
    """The constants, as shipped."""

    near: int = NEAR
    fade: float = FADE
    decay: float = SEED_DECAY
    orders: bool = True  # products of one order lie equally far back
    pairs: str = "either"
    length: float = 0.0  # a person's steps count by 1 / length of the past to this power
    hops: float = 0.0
    back: float = 0.0
    centred: bool = False
    idf: float = 1.0
    weights: Weights = field(default_factory=Weights)


def variants() -> Iterator[tuple[str, Choices]]:
    """Name and choices; the first is what is shipped."""
    yield "as shipped", Choices()
    yield "steps 5 back, each half (as before)", Choices(near=5, fade=0.5)
    for near, fade in ((5, FADE), (20, FADE), (NEAR, 0.7), (NEAR, 1.0)):
        yield f"steps {near} back, each {fade:g}", Choices(near=near, fade=fade)
    for power in (0.5, 1.0):
        yield f"steps by 1 / length of the past ^ {power:g}", Choices(length=power)
    yield "pairs by cosine (as before)", Choices(pairs="cosine")
    yield "pairs by count", Choices(pairs="count")
    yield "every product of an order a step (as before)", Choices(orders=False)
    for decay in (0.5, 0.8, 0.9):
        yield f"a moment back counts {decay:g}", Choices(decay=decay)
    yield "two steps too, weight .2", Choices(hops=0.2)
    yield "steps backwards too, weight .2", Choices(back=0.2)
    yield "vectors less their mean", Choices(centred=True)
    yield "words by idf ^ 1.5", Choices(idf=1.5)
    for name in ("words", "dense", "recent", "trend"):
        shipped = getattr(Weights(), name)
        for times in (0.0, 0.5, 2.0):
            yield (
                f"weight of {name} {times * shipped:g} instead of {shipped:g}",
                Choices(weights=Weights(**{name: times * shipped})),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the people, and only the first variants")
    kept.options(parser)
    given = parser.parse_args()
    if not all((DATA / folder).exists() for folder, _ in SHOPS.values()):
        print(f"skipped: {DATA} is not there; set ATTUNE_DATA to the folder that holds it")
        return
    asked = list(variants())[:3] if given.quick else list(variants())
    columns = [
        list(column(folder, people // 10 if given.quick else people, asked)) for folder, people in SHOPS.values()
    ]
    lines = [f"NDCG@10, full ranking, what was chosen before is left out{'':3}" + "".join(f"{s:>17}" for s in SHOPS)]
    for number, (name, _) in enumerate(asked):
        gains = (values[number] - values[0] for values in columns)
        told = (f"{v[number].mean():8.4f} {g.mean():+.4f}{_mark(g)}" for v, g in zip(columns, gains, strict=True))
        lines.append(f"  {name:<58}" + " ".join(told))
    lines.append("* differs from what is shipped by more than two standard errors of the difference")
    print(*lines, sep="\n")
    if not given.no_keep:
        kept.keep(__file__, lines)


def _mark(gain: Matrix) -> str:
    error = float(gain.std()) / len(gain) ** 0.5
    return "*" if abs(float(gain.mean())) > 2 * error > 0 else " "


def column(folder: str, people: int, asked: Sequence[tuple[str, Choices]]) -> Iterator[Matrix]:
    """NDCG@10 of every person, for each variant."""
    shop = load(folder, people)
    for _, choices in asked:
        yield ndcg(shop, f(shop, choices))


def load(folder: str, people: int) -> Shop:
    data = read(DATA / folder, links=False)
    number = {product.product_id: place for place, product in enumerate(data.products)}
    texts = [f"{next(iter(p.title.values()))}\n{p.brand}".strip() for p in data.products]
    told = [next(iter(p.description.values()), "")[:2000] for p in data.products]
    past, asking, moments, wanted = [], [], [], []
    for acts in data.histories().values():
        last = {number[act.product]: act.at for act in acts if not data.timed or act.at < MONTH[0]}
        first = list(last)
        if not data.timed:
            past.append(first[:-3])
            asking.append(first[:-2])
            wanted.append({first[-2]})
        elif first:
            past.append(first)
            after = [act for act in acts if MONTH[0] <= act.at < MONTH[1]]
            asking.append(sorted(first, key=last.__getitem__))
            wanted.append({number[a.product] for a in after if a.at == after[0].at} - set(last))
        else:
            continue
        moments.append([last[place] for place in asking[-1]])
    some = [i for i, each in enumerate(wanted) if each]
    if people:
        some = sorted(np.random.default_rng(SEED).permutation(some)[:people].tolist())
    chosen = [[each[i] for i in some] for each in (asking, moments, wanted)]
    brands = _one_hot([p.brand for p in data.products])
    return Shop(past, *chosen, StaticEncoder.load().encode(texts), _bags(texts, told), brands)  # type: ignore[arg-type]


def f(shop: Shop, chosen: Choices) -> Matrix:
    """F of every product for everybody, (people, products); terms that a variant leaves alone are made once."""
    w = chosen.weights

    def made(*key: object, by: Callable[[], Matrix]) -> Matrix:
        if repr(key) not in shop.base:
            shop.base[repr(key)] = _dense(by())
        return shop.base[repr(key)]

    seeds = seeded(shop, chosen.decay, orders=chosen.orders)
    total = SHARES["transition"] * made(
        "steps", *_graph_key(chosen), by=lambda: seeds @ _cut(_unit(steps(shop, chosen)))
    )
    total = total + SHARES["co_occurrence"] * made(
        "pairs", chosen.pairs, chosen.decay, chosen.orders, by=lambda: seeds @ pairs(shop, chosen.pairs)
    )
    if chosen.hops:
        one = _cut(_unit(steps(shop, chosen)))
        total = total + chosen.hops * _dense(seeds @ _cut(_unit(one @ one)))
    if chosen.back:
        total = total + chosen.back * _dense(seeds @ _cut(_unit(steps(shop, chosen).T)))
    need = seeded(shop, HALF, orders=chosen.orders)
    vectors = shop.vectors - shop.vectors.mean(axis=0) * chosen.centred
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    total += w.dense * made("dense", chosen.centred, chosen.orders, by=lambda: _rows(need @ vectors) @ vectors.T)
    total += w.recent * made("recent", chosen.centred, by=lambda: nearest(shop, vectors))
    having = np.asarray((shop.words > 0).sum(axis=0)).ravel()
    idf = sp.diags(np.log1p((shop.n - having + 0.5) / (having + 0.5)) ** chosen.idf)
    said = _unit(need @ shop.words) + _unit(seeds @ shop.words)
    total += w.words * made(
        "words", chosen.idf, chosen.decay, chosen.orders, by=lambda: _unit(said @ idf) @ _unit(shop.words @ idf).T
    )
    total += (
        OVERLAP
        * 0.3
        * made("brands", by=lambda: sp.diags(1 / seeds.sum(axis=1).A1) @ seeds @ shop.brands @ shop.brands.T)
    )
    people = _people(shop)
    return total + w.trend * np.sqrt(people / people.max())


def _graph_key(chosen: Choices) -> tuple[object, ...]:
    return chosen.near, chosen.fade, chosen.length, chosen.decay, chosen.orders


def seeded(shop: Shop, decay: float, *, orders: bool) -> Matrix:
    """How much each of the last products counts, (people, products)."""
    rows, columns, values = [], [], []
    for row, (products, moments) in enumerate(zip(shop.asking, shop.moments, strict=True)):
        back = -1
        before = None
        for product, moment in list(zip(products, moments, strict=True))[::-1][:SEEDS]:
            back += moment != before or not orders
            before = moment
            rows.append(row)
            columns.append(product)
            values.append(decay**back)
    return sp.csr_matrix((values, (rows, columns)), shape=(len(shop.asking), shop.n))


def steps(shop: Shop, chosen: Choices) -> Matrix:
    """How often people went from one product to another, (products, products)."""
    found = [(past[i - 1 - gap], past[i], chosen.fade**gap / len(past) ** chosen.length)
             for past in shop.past for i in range(1, len(past)) for gap in range(min(chosen.near, i))]  # fmt: skip
    rows, columns, values = zip(*found, strict=True)
    return sp.csr_matrix((values, (rows, columns)), shape=(shop.n, shop.n))


def pairs(shop: Shop, how: str) -> Matrix:
    """How much two products go together, (products, products); of each row the largest counts."""
    found = [
        (past[j], past[i]) for past in shop.past for i in range(1, len(past)) for j in range(max(0, i - TOGETHER), i)
    ]
    rows, columns = zip(*found, strict=True)
    counts = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(shop.n, shop.n))
    counts = _cut(counts + counts.T).tocoo()
    people = np.maximum(_people(shop), 1.0)
    one, other = people[counts.row], people[counts.col]
    of = {"either": one + other - counts.data, "cosine": np.sqrt(one * other), "count": counts.data.max()}[how]
    return sp.csr_matrix((np.minimum(counts.data / of, 1.0), (counts.row, counts.col)), shape=counts.shape)


def nearest(shop: Shop, vectors: Matrix) -> Matrix:
    """The largest cosine with one of the last products."""
    found = np.full((len(shop.asking), shop.n), -1.0, dtype=np.float32)
    for back in range(LAST):
        rows = [row for row, products in enumerate(shop.asking) if len(products) > back]
        last = vectors[[shop.asking[row][-1 - back] for row in rows]]
        found[rows] = np.maximum(found[rows], last @ vectors.T)
    return found


def ndcg(shop: Shop, scores: Matrix) -> Matrix:
    """NDCG@10 of every person."""
    gains = 1 / np.log2(np.arange(FIRST) + 2)
    found = np.zeros(len(shop.asking))
    for row, (products, wanted) in enumerate(zip(shop.asking, shop.wanted, strict=True)):
        own = scores[row].copy()
        own[products] = -np.inf
        best = np.argpartition(-own, FIRST)[:FIRST]
        best = best[np.argsort(-own[best], kind="stable")]
        found[row] = gains[np.isin(best, list(wanted))].sum() / gains[: min(FIRST, len(wanted))].sum()
    return found


def _people(shop: Shop) -> Matrix:
    return np.bincount(np.concatenate([np.array(past, dtype=int) for past in shop.past]), minlength=shop.n).astype(
        float
    )


def _bags(texts: Sequence[str], told: Sequence[str]) -> Matrix:
    """Words of names, and at .3 of descriptions, as the recommender weighs them."""
    numbers: dict[int, int] = {}
    rows, columns, values = [], [], []
    for row, (text, more) in enumerate(zip(texts, told, strict=True)):
        named, described = lexical.document(text), lexical.document(more)
        words = dict(zip(described.indices.tolist(), (0.3 * described.values).tolist(), strict=True))
        for word, weight in zip(named.indices.tolist(), named.values.tolist(), strict=True):
            words[word] = max(weight, words.get(word, 0.0))
        rows += [row] * len(words)
        columns += [numbers.setdefault(word, len(numbers)) for word in words]
        values += words.values()
    return sp.csr_matrix((values, (rows, columns)), shape=(len(texts), len(numbers)))


def _one_hot(names: Sequence[str]) -> Matrix:
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    values = [float(bool(name)) for name in names]
    return sp.csr_matrix((values, (range(len(names)), [numbers[name] for name in names])))


def _unit(rows: Matrix) -> Matrix:
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return (sp.diags(1 / np.maximum(lengths, 1e-12)) @ rows).tocsr()


def _rows(dense: Matrix) -> Matrix:
    return dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)


def _cut(rows: Matrix) -> Matrix:
    """Of each row the CAP largest, of equals the first."""
    cut = sp.csr_matrix(rows).copy()
    cut.sort_indices()
    for start, end in zip(cut.indptr[:-1], cut.indptr[1:], strict=True):
        if end - start > CAP:
            cut.data[start + np.argsort(-cut.data[start:end], kind="stable")[CAP:]] = 0
    cut.eliminate_zeros()
    return cut


def _dense(values: Matrix) -> Matrix:
    return np.asarray(values.todense() if sp.issparse(values) else values, dtype=np.float32)


if __name__ == "__main__":
    main()
