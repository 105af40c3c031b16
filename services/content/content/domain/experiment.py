"""Which variant to show: Thompson sampling with honest propensities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

PRIOR = (1.0, 9.0)  # clicks and non-clicks before any were seen: one in ten, as messages of a shop usually have
_ELSEWHERE = 0.25  # an outcome of another context says a quarter of one of the same context
_POINTS = 1024  # of the quadrature; its error is below 1/1,000
_LEAST = 1e-6  # a probability that is used as a divisor is never 0
_EDGES = (0.025, 0.975)  # of the credible interval
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a variant."""

    impressions: int = 0
    clicks: int = 0
    purchases: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.impressions + other.impressions, self.clicks + other.clicks, self.purchases + other.purchases
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """One per channel and language. Invariant: an arm stays for as long as the experiment."""

    experiment_id: str
    arms: Mapping[str, Mapping[str, Counts]] = field(default_factory=dict)  # variant → context → counts
    last_at: int = 0  # of an outcome, milliseconds since 1970; 0: none yet

    def total(self, variant: str) -> Counts:
        """Of all contexts."""
        return sum(self.arms.get(variant, {}).values(), Counts())


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta distribution of a click rate."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % credible."""
        low, high = (float(betaincinv(self.a, self.b, edge)) for edge in _EDGES)
        return low, high


@dataclass(frozen=True, slots=True)
class ArmReport:
    """How a variant does."""

    variant_id: str
    counts: Counts
    posterior: Posterior
    probability_best: float


def posterior(here: Counts, elsewhere: Counts = Counts()) -> Posterior:
    """The click rate after these outcomes: PRIOR, what came in this context, and a part of what came in others."""
    a, b = PRIOR
    for counts, share in ((here, 1.0), (elsewhere, _ELSEWHERE)):
        shown = max(counts.impressions, counts.clicks)  # who clicked has seen it, also when nobody reported it
        a, b = a + share * counts.clicks, b + share * (shown - counts.clicks)
    return Posterior(a, b)


def posterior_in(experiment: Experiment, variant: str, context: str) -> Posterior:
    """The click rate of a variant among people of one context."""
    by_context = experiment.arms.get(variant, {})
    elsewhere = sum((counts for name, counts in by_context.items() if name != context), Counts())
    return posterior(by_context.get(context, Counts()), elsewhere)


def choose(posteriors: Sequence[Posterior], log_p: Sequence[float], seed: int) -> tuple[int, float]:
    """(place, propensity) of argmax P(x|u,t)·θ_x, where each θ_x is drawn from its posterior.

    The propensity is the probability that another draw chooses the same place, in (0, 1].
    """
    a, b = np.array([p.a for p in posteriors]), np.array([p.b for p in posteriors])
    drawn = np.random.default_rng(seed).beta(a, b)
    place = int(np.argmax(np.log(np.maximum(drawn, 1e-300)) + np.asarray(log_p)))
    return place, wins(posteriors, log_p, place)


def wins(posteriors: Sequence[Posterior], log_p: Sequence[float], place: int) -> float:
    """P(θ_i·p_i > θ_j·p_j for all j ≠ i) = ∫ Π_j F_j(θ·p_i/p_j) dF_i(θ), by quadrature over the quantiles of F_i."""
    if len(posteriors) == 1:
        return 1.0
    one = posteriors[place]
    theta = betaincinv(one.a, one.b, (np.arange(_POINTS) + 0.5) / _POINTS)
    others: Values = np.ones(_POINTS)
    for j, other in enumerate(posteriors):
        if j != place:
            ratio = math.exp(min(700.0, log_p[place] - log_p[j]))
            others *= betainc(other.a, other.b, np.minimum(1.0, theta * ratio))
    return float(np.clip(others.mean(), _LEAST, 1.0))


def report(experiment: Experiment) -> list[ArmReport]:
    """How each variant does over all contexts, best mean first."""
    totals = {variant: experiment.total(variant) for variant in experiment.arms}
    posteriors = [posterior(counts) for counts in totals.values()]
    level = [0.0] * len(posteriors)
    arms = [
        ArmReport(variant, counts, posteriors[place], wins(posteriors, level, place))
        for place, (variant, counts) in enumerate(totals.items())
    ]
    return sorted(arms, key=lambda arm: (-arm.posterior.mean, arm.variant_id))


def context(kinds: Mapping[str, int]) -> str:
    """The context of a person: three, because more would leave each with too few outcomes to learn from."""
    if kinds.get("purchase"):
        return "buyer"
    return "visitor" if any(kinds.values()) else "new"
