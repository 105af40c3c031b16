"""One shop's knowledge in memory: every family of entries scored against a question, exactly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lm.lexical import Bm25, words
from lm.lexical.sparse import K1
from lm.protocols import Matrix, Vector
from qa.domain.identity import primary
from qa.domain.knowledge import Entry
from qa.domain.score import Score, Weights, score

Floats = NDArray[np.float64]
Key = TypeVar("Key", str, tuple[str, int])


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question, read, and by whom it is asked."""

    text: str
    vector: Vector  # unit or zero, (dim,)
    need: Vector | None = None  # r_u of the person, unit, same space
    products: Collection[str] = ()  # what the person lately dealt with
    told: str = ""  # the family that was told last, when the question follows up on it


@dataclass(frozen=True, slots=True)
class Found:
    """A family of entries that may answer."""

    family: str
    entries: tuple[Entry, ...]  # those that hold now; the one whose words matched best is first
    matched: str  # the phrasing that matched
    score: Score
    coverage: float  # share, in [0, 1], of what q says (by idf) that its words or answers say too

    def in_language(self, language: str) -> Entry:
        """The entry in this language, else the one that matched."""
        wanted = primary(language)
        return next((entry for entry in self.entries if primary(entry.language) == wanted), self.entries[0])


class Shelf:
    """Entries of one shop.

    Invariants: `_both`, `_answers`, `_said` hold every entry and `_questions` every phrasing of it; the arrays are
    those of the entries whenever `_stale` is False. Not safe to share between threads.
    """

    def __init__(self, weights: Weights, dim: int) -> None:
        self._weights, self._dim = weights, dim
        self._entries: dict[str, tuple[Entry, Matrix]] = {}
        self._questions = Bm25[tuple[str, int]]()
        self._answers = Bm25[str]()
        self._both = Bm25[str]()
        self._said: dict[str, frozenset[str]] = {}  # every word of an entry
        self._stale = True

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, entry_id: str) -> Entry | None:
        """What is known under this id."""
        held = self._entries.get(entry_id)
        return held[0] if held else None

    def vectors(self, entry: Entry) -> Matrix | None:
        """The vectors of this very entry; None when nothing or something else is known under its id."""
        held = self._entries.get(entry.entry_id)
        return held[1] if held is not None and held[0] == entry else None

    def put(self, entry: Entry, vectors: Matrix) -> None:
        """Enter an entry in place of what it said before; `vectors` are those of `entry.texts`, (texts, dim)."""
        self.remove(entry.entry_id)
        self._entries[entry.entry_id] = (entry, vectors)
        cut = [words(text) for text in entry.texts]
        for number, found in enumerate(cut[:-1]):
            self._questions.add((entry.entry_id, number), found)
        self._answers.add(entry.entry_id, cut[-1])
        self._both.add(entry.entry_id, [word for found in cut for word in found])
        self._said[entry.entry_id] = frozenset(word for found in cut for word in found)
        self._stale = True

    def remove(self, entry_id: str) -> None:
        """Forget an entry; an unknown one is no error."""
        held = self._entries.pop(entry_id, None)
        if held is None:
            return
        for number in range(len(held[0].phrasings)):
            self._questions.remove((entry_id, number))
        self._answers.remove(entry_id)
        self._both.remove(entry_id)
        del self._said[entry_id]
        self._stale = True

    def rank(self, asked: Asked, now: float, k: int) -> list[Found]:
        """The k best families, best first. The best phrasing of a family counts, and its best answer."""
        if not self._entries:
            return []
        if self._stale:
            self._gather()
        found, w = words(asked.text), self._weights
        cos_a, bm_a = self._phrasings @ asked.vector, self._share(self._questions, found, self._phrasing_ids)
        cos_r = self._replies @ asked.vector
        bm_r, bm_b = (self._share(index, found, self._ids) for index in (self._answers, self._both))
        near, own = self._near(asked)
        by_phrasing = (
            w.dense_question * cos_a + w.lexical_question * bm_a + w.need * near + w.product * own[self._owner]
        )
        by_reply = w.balance * (w.dense_answer * cos_r + w.lexical_answer * bm_r + w.lexical_both * bm_b)
        holds = (self._since <= now) & (now < self._until)
        by_phrasing = np.where(holds[self._owner], by_phrasing, -np.inf)
        by_reply = np.where(holds, by_reply, -np.inf)
        totals = _most(by_phrasing, self._family_of[self._owner], len(self._families))
        totals += _most(by_reply, self._family_of, len(self._families))
        told, topic = self._follows(asked.told)
        totals += w.told * told + w.topic * topic
        ranked = []
        for family in np.argsort(-totals, kind="stable")[:k].tolist():
            if not np.isfinite(totals[family]):
                break
            p = _best(by_phrasing, self._family_of[self._owner] == family)
            r = _best(by_reply, self._family_of == family)
            values = (
                cos_a[p],
                bm_a[p],
                cos_r[r],
                bm_r[r],
                bm_b[r],
                near[p],
                own[self._owner[p]],
                told[family],
                topic[family],
            )
            ranked.append(self._found(family, p, score(values, w), found, now))
        return ranked

    def _found(self, family: int, phrasing: int, scored: Score, found: Sequence[str], now: float) -> Found:
        entry_id, number = self._phrasing_ids[phrasing]
        members = [self._entries[each][0] for each in self._members[self._families[family]]]
        matched = self._entries[entry_id][0]
        others = (entry for entry in members if entry.entry_id != entry_id and entry.holds(now))
        entries = (matched, *others)
        return Found(self._families[family], entries, matched.phrasings[number], scored, self._coverage(found, entries))

    def _coverage(self, found: Sequence[str], entries: Iterable[Entry]) -> float:
        said = frozenset[str]().union(*(self._said[entry.entry_id] for entry in entries))
        asked = {word: self._both.idf(word) for word in found}
        total = sum(asked.values())
        return sum(idf for word, idf in asked.items() if word in said) / total if total else 0.0

    def _near(self, asked: Asked) -> tuple[Floats, Floats]:
        """Per phrasing its cosine with the need, never negative; per entry 1 where a product of the person is meant."""
        near = np.zeros(len(self._phrasing_ids))
        if asked.need is not None and asked.need.shape == (self._dim,):
            near = np.maximum(0.0, (self._phrasings @ asked.need).astype(np.float64))
        own = np.array([bool(self._entries[each][0].product_ids) for each in self._ids], dtype=np.float64)
        if own.any():
            mine = set(asked.products)
            own = np.array([float(bool(mine & set(self._entries[each][0].product_ids))) for each in self._ids])
        return near, own

    def _follows(self, told: str) -> tuple[Floats, Floats]:
        """Per family: 1 for the one told last; 1 for the others of its topic."""
        last = np.array([float(family == told) for family in self._families])
        topics = {self._entries[each][0].topic for each in self._members.get(told, ())} - {""}
        same = [any(self._entries[each][0].topic in topics for each in self._members[f]) for f in self._families]
        return last, np.array(same, dtype=np.float64) * (1 - last)

    @staticmethod
    def _share(index: Bm25[Key], found: Sequence[str], ids: Sequence[Key]) -> Floats:
        most = (K1 + 1) * sum(index.idf(word) for word in set(found))
        return index.score(found, ids) / most if most else np.zeros(len(ids))

    def _gather(self) -> None:
        held = list(self._entries.values())
        self._ids = [entry.entry_id for entry, _ in held]
        self._phrasing_ids = [(e.entry_id, number) for e, _ in held for number in range(len(e.phrasings))]
        self._owner = np.repeat(np.arange(len(held)), [len(entry.phrasings) for entry, _ in held])
        self._phrasings = np.concatenate([vectors[:-1] for _, vectors in held])
        self._replies = np.stack([vectors[-1] for _, vectors in held])
        self._members: Mapping[str, list[str]] = _groups((entry.family, entry.entry_id) for entry, _ in held)
        self._families = list(self._members)
        number_of = {family: number for number, family in enumerate(self._families)}
        self._family_of = np.array([number_of[entry.family] for entry, _ in held])
        self._since = np.array([entry.valid_from for entry, _ in held])
        self._until = np.array([entry.valid_until for entry, _ in held])
        self._stale = False


def _most(values: Floats, groups: NDArray[np.intp], n: int) -> Floats:
    """The largest value of each of n groups, (n,)."""
    most = np.full(n, -np.inf)
    np.maximum.at(most, groups, values)
    return most


def _best(values: Floats, among: NDArray[np.bool_]) -> int:
    return int(np.argmax(np.where(among, values, -np.inf)))


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
