"""The fold as one would explain it: one behaviour after the other. What the vectorised fold is held against."""

from __future__ import annotations

import numpy as np

from needs.domain.fold import Catalogue
from needs.domain.state import FACETS, RING, SEEN, Behaviors, Rows
from needs.domain.weights import Kind, Recency


def fold_one_by_one(rows: Rows, batch: Behaviors, catalogue: Catalogue, recency: Recency) -> set[int]:
    """Like `fold`: changes `rows`, returns the places of those that changed. A dozen times slower or more."""
    changed = set[int]()
    for i in range(len(batch)):
        person, event = int(batch.people[i]), batch.events[i]
        row = rows[person]
        shown = batch.kinds[i] == Kind.IMPRESSION
        if (row["seen" if shown else "events"] == event).any():
            continue
        if shown:
            row["seen"][int(row["counts"][Kind.IMPRESSION]) % SEEN] = event
        else:
            _keep(row, batch, i, catalogue, recency)
        row["counts"][batch.kinds[i]] += 1
        changed.add(person)
    rows["version"][sorted(changed)] += 1
    return changed


def _keep(row: Rows, batch: Behaviors, i: int, catalogue: Catalogue, recency: Recency) -> None:
    place = int(row["kept"]) % RING
    if row["kept"] >= RING:
        _let_go(row, place, catalogue, recency)
    for column in ("products", "times", "weights", "kinds", "events"):
        row[column][place] = getattr(batch, column)[i]
    row["kept"] += 1
    row["last_at"] = max(row["last_at"], batch.times[i])


def _let_go(row: Rows, place: int, catalogue: Catalogue, recency: Recency) -> None:
    """tail ← tail · recency + weight · recency · vector, for the oldest of the ring."""  # noqa: D403 - a name
    weight, at = float(row["weights"][place]), int(row["times"][place])
    now = max(int(row["tail_at"]), at)
    product = int(catalogue.places(row["products"][[place]])[0])
    since, age = recency.by_time(np.array([now - int(row["tail_at"]), now - at])).tolist()
    moment = 0.0 if at == int(row["tail_at"]) else abs(weight)  # of one moment is what was done at one time
    fading = since * float(recency.by_attention(np.array(moment)))
    row["tail"][:] = row["tail"].astype(np.float64) * fading + weight * age * catalogue.vectors[product]
    row["tail_at"] = now
    row["positive"] += weight > 0
    for facet, column in FACETS:
        row[f"{column}_weights"] *= np.float32(since)
        for key in np.atleast_1d(getattr(catalogue, facet)[product]).tolist() if weight > 0 else ():
            _count(row, facet, column, key, weight * age)


def _count(row: Rows, facet: str, column: str, key: int, weight: float) -> None:
    """Where no place is free the weakest name makes room."""
    if key == 0:
        return
    names, weights, counts = row[facet], row[f"{column}_weights"], row[f"{column}_counts"]
    held = np.flatnonzero(names == np.uint64(key))
    if len(held):
        weights[held[0]] += weight
        counts[held[0]] = min(int(counts[held[0]]) + 1, np.iinfo(np.uint16).max)
    else:
        weakest = int(weights.argmin())
        names[weakest], weights[weakest], counts[weakest] = key, weight, 1
