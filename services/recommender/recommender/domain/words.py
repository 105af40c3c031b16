"""The sparse part of sim(r_u, e_p): cosine of weighted words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.bag import EMPTY, Bag
from recommender.domain.columns import Flags, grown
from recommender.domain.marks import Marks
from recommender.domain.postings import Postings
from recommender.domain.ragged import Places, Ragged, Rows, distinct
from recommender.domain.sought import Sought

Values = NDArray[np.float64]

# Places that a search by words looks at; words are taken from the one that says most, which few products hold. Of a
# question every word counts. A need has many: looking at eight times as many places finds a two-hundredth more of its
# ten best (benchmarks/candidates.py).
LOOKED_AT, OF_MANY = 20_000, 2_500
_QUESTION = 8  # words that a question has at most
_SCORED, _SCORED_OF_MANY = 4, 2  # times as many are scored exactly as are wanted


class Match(NamedTuple):
    """How well products answer to words; 1 where all words are met."""

    scores: Values  # BM25 over the idf of all that was asked, (n,); above 1 where names are short
    covered: Values  # the share of the idf that stands in the product's name, (n,), in [0, 1]


# From this weight on a word is one of the name: names of 240 words reach it, what they are for in one of 140,
# descriptions hardly ever.
_NAMING = 0.45


class WordTable:
    """The words of all products of a shop, by place.

    Invariants: `_having[i]` counts the products that hold word i now, so that idf is what it would be had those that
    left never come; `_sought` is 0 between two calls; `_squares[place]` is what `_squared` would find for
    that place, or NaN, unless `_idf_moved`; nothing is ever put at the last place there is room for.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # 32-bit name → number of the word here
        self._named = np.zeros(1024, dtype=np.uint32)  # and back
        self._having = np.zeros(1024)
        self._idfs: Values = np.zeros(1024)  # of every word, as of
        self._counted = -1  # so many products
        self._rows, self._postings = Ragged(), Postings()
        self._there: Flags = np.zeros(1024, dtype=bool)  # places of products, also of those without words
        self._products = 0
        self._sought: Values = np.zeros(1024)  # by number
        self._marks = Marks()
        self._squares: Values = np.full(1024, np.nan)  # by place: of the length of its words; NaN: not asked for yet
        self._idf_moved = False  # since any of them was found

    def put(self, place: int, bag: Bag | None) -> None:
        """Take the words of a product in place of those it had; None: it is gone."""
        before: list[int] = []
        if place >= len(self._there) - 1:
            self._make_room(2 * place + 2)
        there = bool(self._there[place])
        if there:
            before = self._rows.numbers(place).tolist()
        numbers: list[int] = []
        weights = EMPTY.weights
        if bag is not None:
            numbers, weights = self._numbers_of(bag.words.tolist()), bag.weights
        self._there[place] = bag is not None
        self._rows.put(place, numbers, weights)
        self._squares[place] = np.nan
        if there == (bag is not None) and before == numbers:  # a price, a stock: no word is said more or less often
            return
        self._having[before] -= 1
        self._having[numbers] += 1
        if there != (bag is not None):
            self._products += (bag is not None) - there
            self._counted = -1  # one that comes and one that goes leave the number as it was, and not the idfs
        self._idf_moved = True
        self._postings.change(place, before, numbers)
        if self._postings.worn:
            self._postings.renew(len(self._there))
        self._postings.go_on(lambda each: self._rows.numbers(each).tolist())
        if self._counted == self._products:
            changed = [*before, *numbers]
            self._idfs[changed] = self._idf(self._having[changed])

    def bag(self, place: int) -> Bag:
        """The words of a product, with weights to 3e-5."""
        row = self._rows.take([place])
        return Bag(self._named[row.numbers], row.weights)

    def sought(self, asked: Mapping[int, float]) -> Sought:
        """Words (32-bit name → weight) that are looked for; those of no weight are left out."""
        there = [(self._numbers.get(word, -1), weight) for word, weight in asked.items() if weight > 0]
        numbers = np.array([number for number, _ in there], dtype=np.int64)
        weights = np.array([weight for _, weight in there])
        known = numbers >= 0
        return Sought(numbers[known], weights[known], weights[~known])

    def names(self, words: Sought) -> dict[int, float]:
        """Words that products have by their 32-bit names, for an engine elsewhere."""
        return dict(zip(self._named[words.numbers].tolist(), words.weights.tolist(), strict=True))

    def together(self, places: Sequence[int], weights: Values) -> Sought:
        """The words of some products added up, each product's times its weight."""
        rows = self._rows.take(places)
        rows.spread(weights, self._sought)
        numbers = distinct(rows.numbers)
        total = self._sought[numbers]
        self._sought[numbers] = 0.0
        some = total > 0
        return Sought(numbers[some].astype(np.int64), total[some], np.zeros(0))

    def heaviest(self, words: Sought, k: int) -> Sought:
        """The k words that decide most, by weight and idf; those that no product has decide nothing."""
        if len(words.numbers) <= k:
            return words
        says = self._all_idfs()[words.numbers] * words.weights
        first = np.argsort(-says, kind="stable")[:k]
        return Sought(words.numbers[first], words.weights[first], words.unknown[:0])

    def cosines(self, words: Sought, places: Sequence[int] | Places) -> Values:
        """Cosine of the words with those of each product, every word times its idf; (n,)."""
        idfs = self._all_idfs()
        known = words.weights * idfs[words.numbers]
        unknown = words.unknown * float(self._idf(np.zeros(1))[0])
        total = float(known @ known + unknown @ unknown)
        if not total:
            return np.zeros(len(places))
        at = np.asarray(places, dtype=np.int64)
        dots = self._sums(self._rows.take(at), words.numbers, known * idfs[words.numbers])
        lengths = np.sqrt(self._squared(at, idfs) * total)
        found: Values = np.divide(dots, lengths, out=np.zeros(len(places)), where=lengths > 0)
        return found

    def best(self, words: Sought, k: int, fits: Callable[[Places], Flags], most: int = 0) -> tuple[Places, Values]:
        """The k places of those that fit which share most with the words, best first.

        Their score is the sum over common words of both weights times idf. The words that say most are looked up first,
        until `most` places were looked at (0: as many as suits so many words): what only the commonest words of a long
        list speak for is not found.
        """
        question = len(words.numbers) <= _QUESTION
        most = most or (LOOKED_AT if question else OF_MANY)
        says = words.weights * self._all_idfs()[words.numbers]
        first = np.argsort(-says, kind="stable")
        chosen: list[int] = []
        seen = 0
        for row, number in zip(first.tolist(), words.numbers[first].tolist(), strict=True):
            count = self._postings.count(number)
            if count and (not seen or seen + count <= most):
                chosen.append(row)
                seen += count
        if not chosen:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        listed = [self._postings.places(number) for number in words.numbers[chosen].tolist()]
        found, marks = self._marks.together(listed, says[chosen])
        # The words of a product weigh differently: the best are among those that have most of what is sought.
        found = _leading(found, marks, (_SCORED if question else _SCORED_OF_MANY) * k, fits)
        found = np.sort(found)
        scores = self._sums(self._rows.take(found), words.numbers, says)
        order = np.argsort(-scores, kind="stable")[:k]
        order = order[scores[order] > 0]
        return found[order], scores[order]

    def _sums(self, rows: Rows, numbers: Places, weights: Values) -> Values:
        """Per row, the sum over the words of those numbers of its weight times theirs."""
        self._sought[numbers] = weights
        dots = rows.dots(self._sought)
        self._sought[numbers] = 0.0
        return dots

    def _squared(self, places: Places, idfs: Values) -> Values:
        """Per place, the squared length of its words, every word times its idf: found once for many requests."""
        if self._idf_moved:
            self._squares.fill(np.nan)
            self._idf_moved = False
        places = np.minimum(places, len(self._squares) - 1)
        found = self._squares[places]
        new = np.flatnonzero(np.isnan(found))
        if len(new):
            rows = self._rows.take(places[new])
            found[new] = self._squares[places[new]] = rows.sums((rows.weights * idfs[rows.numbers]) ** 2)
        return found

    def _make_room(self, room: int) -> None:
        known = len(self._squares)
        self._there, self._squares = grown(self._there, room), grown(self._squares, room)
        self._squares[known:] = np.nan

    def count(self, word: int) -> float:
        """How many products have a word now."""
        number = self._numbers.get(word)
        return 0.0 if number is None else float(self._having[number])

    def match(self, asked: Mapping[int, float], places: Sequence[int] | Places) -> Match:
        """BM25 of the asked words (32-bit name → weight) for each place, as a share of what the words weigh."""
        idfs, unknown = self._all_idfs(), float(self._idf(np.zeros(1))[0])
        total = 0.0
        numbers, weights = [], []
        for word, weight in asked.items():
            number = self._numbers.get(word)
            total += weight * (unknown if number is None else float(idfs[number]))
            if number is not None:
                numbers.append(number)
                weights.append(weight * float(idfs[number]))
        if not numbers or not len(places):
            return Match(np.zeros(len(places)), np.zeros(len(places)))
        at, worth, rows = np.array(numbers), np.array(weights) / total, self._rows.take(places)
        naming = rows._replace(weights=(rows.weights >= _NAMING).astype(np.float32))
        return Match(self._sums(rows, at, worth), self._sums(naming, at, worth))

    def _all_idfs(self) -> Values:
        if self._counted != self._products:
            self._idfs, self._counted = self._idf(self._having), self._products
        return self._idfs

    def _idf(self, having: Values) -> Values:
        found: Values = np.log1p((self._products - having + 0.5) / (having + 0.5))
        return found

    def _numbers_of(self, words: Sequence[int]) -> list[int]:
        known = self._numbers
        try:
            return [known[word] for word in words]  # the common case pays for no call per word
        except KeyError:
            return [self._number(word) for word in words]

    def _number(self, word: int) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            if number >= len(self._having):
                room = 2 * number
                self._having, self._named = grown(self._having, room), grown(self._named, room)
                self._sought, self._counted = grown(self._sought, room), -1
            self._named[number] = word
        return number


def _leading(places: Places, marks: NDArray[np.float32], size: int, fits: Callable[[Places], Flags]) -> Places:
    """The `size` places of the highest marks among those that fit, or all there are, in no order."""
    if len(places) > 2 * size:  # most fit mostly: who is far behind need not be looked at
        ahead = np.flatnonzero(marks >= np.partition(marks, -2 * size)[-2 * size])
        fitting = ahead[fits(places[ahead])]
        if len(fitting) < size:
            fitting = np.flatnonzero(fits(places))
    else:
        fitting = np.flatnonzero(fits(places))
    if len(fitting) > size:
        fitting = fitting[np.argpartition(-marks[fitting], size)[:size]]
    return places[fitting]
