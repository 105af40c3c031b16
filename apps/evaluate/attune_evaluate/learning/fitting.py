"""Coefficients under which what people chose stands out among what they could have been offered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from attune_evaluate.learning.choices import Choice
from attune_evaluate.metrics import ndcg

Values = NDArray[np.float64]
STRENGTHS = (0.003, 0.03, 0.3, 3.0)  # of the pull towards where it began; what does best on later choices is taken
_TRIED_ON = 0.25  # of the choices, the last ones
_FIRST = 10


class Listwise:
    """-log P(chosen | candidates) of all choices, P = softmax of Σ coefficient × value, and its gradient."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        some = [choice for choice in choices if choice.chosen >= 0]
        self.count = len(some)
        self.values = np.concatenate([choice.values for choice in some])
        sizes = np.array([len(choice.values) for choice in some])
        self._starts = np.cumsum(sizes) - sizes
        self._owner = np.repeat(np.arange(len(some)), sizes)
        self._chosen = self._starts + np.array([choice.chosen for choice in some])

    def loss(self, weights: Values) -> tuple[float, Values]:
        """Mean over choices, and its gradient, (terms,)."""
        totals = self.values @ weights
        totals = totals - np.maximum.reduceat(totals, self._starts)[self._owner]
        powers = np.exp(totals)
        sums = np.add.reduceat(powers, self._starts)
        loss = float((np.log(sums) - totals[self._chosen]).mean())
        shares = powers / sums[self._owner]
        gradient = shares @ self.values - self.values[self._chosen].sum(axis=0)
        return loss, gradient / self.count


def learned(choices: Sequence[Choice], start: Values) -> Values:
    """(terms,) coefficients of at least 0, on the scale of `start`, from which they go only as far as choices tell."""
    cut = int(len(choices) * (1 - _TRIED_ON))
    early, late = choices[:cut], choices[cut:]
    tried = {strength: fit(early, start, strength) for strength in STRENGTHS}
    best = max(STRENGTHS, key=lambda strength: quality(late, tried[strength]).mean())
    return fit(choices, start, best)


def fit(choices: Sequence[Choice], start: Values, strength: float) -> Values:
    """With one strength of the pull."""
    lists = Listwise(choices)
    scale = float(minimize_scalar(lambda a: lists.loss(np.exp(a) * start)[0], bounds=(-3, 6), method="bounded").x)
    spread = np.maximum(lists.values.std(axis=0), 1e-6)  # so that a step of one term is worth a step of another
    begin = np.exp(scale) * start * spread
    size = float(begin @ begin) or 1.0

    def cost(weights: Values) -> tuple[float, Values]:
        loss, gradient = lists.loss(weights / spread)
        apart = weights - begin
        return loss + strength * float(apart @ apart) / size, gradient / spread + 2 * strength * apart / size

    found = minimize(cost, begin, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start)).x
    weights: Values = found / spread / np.exp(scale)
    return weights


def quality(choices: Sequence[Choice], weights: Values) -> Values:
    """NDCG@10 of each choice; what was no candidate was not found."""
    return np.array([_found(choice, weights) for choice in choices])


def _found(choice: Choice, weights: Values) -> float:
    if choice.chosen < 0:
        return 0.0
    ranked = np.argsort(-(choice.values @ weights), kind="stable")[:_FIRST].tolist()
    return ndcg(ranked, {choice.chosen}, _FIRST)
