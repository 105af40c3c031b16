"""How good scores are, and weights learned without seeing what they are judged by. Used by static_encoder.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

Scores = NDArray[np.float64]  # (questions, documents)
SHOTS = 10
FOLDS = 5


def standard(scores: Scores) -> Scores:
    """Each question's scores with mean 0 and deviation 1, so that weights mean the same for every channel."""
    spread = scores.std(axis=1, keepdims=True)
    centred: Scores = scores - scores.mean(axis=1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def hit(scores: Scores, owners: Sequence[int], wanted: Sequence[int]) -> float:
    best = np.argmax(scores, axis=1)
    return float(np.mean([owners[place] == want for place, want in zip(best, wanted, strict=True)]))


def mrr(scores: Scores, wanted: Sequence[set[int]]) -> tuple[float, float]:
    """MRR@10 and P@1; what scores nothing is not found."""
    total = first = 0.0
    for line, right in zip(scores, wanted, strict=True):
        ranking = [int(place) for place in np.argsort(-line, kind="stable")[:10] if line[place] > 0]
        place = next((rank for rank, found in enumerate(ranking, start=1) if found in right), None)
        total += 1 / place if place else 0.0
        first += place == 1
    return total / len(wanted), first / len(wanted)


def mixed_unseen(
    features: NDArray[np.float64], right: NDArray[np.bool_], folds: NDArray[np.int64]
) -> tuple[Scores, NDArray[np.float64]]:
    """Each fold scored with weights learned on the others, and the mean of those weights.

    `features`: (questions, documents, channels). The weights, none negative, make a right document the likeliest one
    under a softmax over all documents.
    """
    mixed, learned = np.zeros(right.shape), []
    for fold in range(FOLDS):
        seen, marks = features[folds != fold], right[folds != fold]

        def loss(weights: NDArray[np.float64], seen: Scores = seen, marks: NDArray[np.bool_] = marks) -> float:
            scores = seen @ weights
            return float(np.mean(logsumexp(scores, axis=1) - logsumexp(np.where(marks, scores, -np.inf), axis=1)))

        count = features.shape[2]
        best = minimize(loss, np.full(count, 0.5), bounds=[(0, None)] * count, method="L-BFGS-B").x
        mixed[folds == fold] = features[folds == fold] @ best
        learned.append(best)
    return mixed, np.mean(learned, axis=0)


def accuracy(vectors: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator) -> float:
    taken = np.concatenate([rng.permutation(np.flatnonzero(labels == n))[:SHOTS] for n in range(labels.max() + 1)])
    rest = np.setdiff1d(np.arange(len(labels)), taken)
    weights = logistic(vectors[taken], labels[taken])
    return float(np.mean(np.argmax(vectors[rest] @ weights, axis=1) == labels[rest]))


def logistic(vectors: NDArray[np.float64], labels: NDArray[np.int64], strength: float = 20.0) -> NDArray[np.float64]:
    """(dim, classes) that minimise ½‖W‖² + strength · cross-entropy."""
    shape = (vectors.shape[1], int(labels.max()) + 1)
    said = np.eye(shape[1])[labels]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        logits = vectors @ weights
        logits -= logits.max(axis=1, keepdims=True)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        slope = weights + strength * vectors.T @ (np.exp(log_probs) - said)
        return 0.5 * float(flat @ flat) - strength * float((log_probs * said).sum()), slope.ravel()

    best = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return np.asarray(best.x).reshape(shape)
