"""Sentence vectors of a teacher → a vector per piece, such that their sum points where the teacher points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from static_texts import flatten
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What may be turned; the figures are the best of those tried (see README)."""

    dim: int = 256
    epochs: int = 5
    batch: int = 512
    rate: float = 2e-3  # Adam's, with a cosine to its 50th part; five times as much for the log weights b
    similarity: float = 1.0  # weight of the KL between the similarities inside a batch, teacher's and ours
    temperature: float = 0.05  # of those similarities
    decay: float = 1e-3  # of δ², so that rare pieces stay where the teacher puts them
    warm_up: int = 50  # steps


def normalised(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def rarity(pieces: int, a: float = 1e-4) -> Floats:
    """SIF weight a / (a + p) of each piece (Arora et al. 2017), p from Zipf's law over the vocabulary's order."""
    ranks = np.arange(1, pieces + 1)
    frequency = 1 / ranks / (1 / ranks).sum()
    return (a / (a + frequency)).astype(np.float32)


def distil(alone: Floats, dim: int) -> Floats:
    """The untrained table: the teacher's vector of each piece alone, PCA to `dim`, weighed by rarity."""
    centred = alone - alone.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return (normalised(centred @ axes[:dim].T) * rarity(len(alone))[:, None]).astype(np.float32)


def train(
    alone: Floats,
    texts: Sequence[Sequence[int]],
    taught: Floats,
    recipe: Recipe,
    *,
    seed: int,
    done: Callable[[float], None] = lambda _: None,
) -> Floats:
    """Piece vectors exp(b_v + u·o_v)·(W·o_v + δ_v), (pieces, dim).

    `alone`: o, the teacher's vector of each piece, (pieces, d). `texts`: pieces of each text, `taught`: the teacher's
    vector of each text, (len(texts), d). The loss is (1 - cos) + KL of in-batch similarities + decay·‖δ‖².
    `done` hears the loss of every step.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = _Table(alone, taught, recipe.dim, rng)
    targets = torch.tensor(normalised(taught - taught.mean(axis=0)))
    steps = recipe.epochs * (len(texts) // recipe.batch)
    optimizer = torch.optim.Adam(
        [
            {"params": [model.project, model.lean, model.delta], "lr": recipe.rate},
            {"params": [model.log_weight], "lr": recipe.rate * 5},
        ]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, recipe.warm_up))
    for _ in range(recipe.epochs):
        order = rng.permutation(len(texts))
        for start in range(0, len(texts) - recipe.batch + 1, recipe.batch):
            chosen = order[start : start + recipe.batch]
            loss = _loss(model, [texts[i] for i in chosen], targets[chosen], recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            done(float(loss.detach()))
    with torch.no_grad():
        everything = torch.arange(len(alone))
        return np.asarray(model.vectors(everything)[0])


class _Table:
    def __init__(self, alone: Floats, taught: Floats, dim: int, rng: np.random.Generator) -> None:
        centred = taught - taught.mean(axis=0)
        sample = centred[rng.permutation(len(centred))[:15_000]]
        axes = np.linalg.svd(sample, full_matrices=False)[2][:dim].T.astype(np.float32)
        self.axes = torch.tensor(axes)  # PCA of the teacher's sentence space; the target's coordinates
        self.alone = torch.tensor(normalised(alone - alone.mean(axis=0)))
        self.project = torch.nn.Parameter(torch.tensor(axes))  # W
        self.lean = torch.nn.Parameter(torch.zeros(alone.shape[1]))  # u
        self.log_weight = torch.nn.Parameter(torch.tensor(np.log(rarity(len(alone)))))  # b
        self.delta = torch.nn.Parameter(torch.zeros(len(alone), dim))  # δ

    def vectors(self, pieces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors of these pieces, and their δ."""
        alone, delta = self.alone[pieces], self.delta[pieces]
        weight = torch.exp((self.log_weight[pieces] + alone @ self.lean).clamp(-12, 4))
        return weight[:, None] * (alone @ self.project + delta), delta


def _rate(step: int, steps: int, warm_up: int) -> float:
    return min(1.0, step / warm_up) * max(0.02, 0.5 * (1 + math.cos(math.pi * step / steps)))


def _loss(model: _Table, texts: Sequence[Sequence[int]], targets: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    members, owners = flatten(texts)
    pieces, where = torch.unique(torch.tensor(members), return_inverse=True)
    vectors, delta = model.vectors(pieces)
    sums = torch.zeros(len(texts), recipe.dim).index_add(0, torch.tensor(owners), vectors[where])
    ours = functional.normalize(sums, dim=1)
    theirs = functional.normalize(targets @ model.axes, dim=1)
    loss = (1 - (ours * theirs).sum(1)).mean() + recipe.decay * (delta**2).sum(1).mean()
    itself = torch.eye(len(texts), dtype=torch.bool)
    wanted = (targets @ targets.T / recipe.temperature).masked_fill(itself, -1e4)
    got = (ours @ ours.T / recipe.temperature).masked_fill(itself, -1e4)
    divergence = functional.kl_div(
        functional.log_softmax(got, 1), functional.log_softmax(wanted, 1), reduction="batchmean", log_target=True
    )
    return loss + recipe.similarity * divergence
