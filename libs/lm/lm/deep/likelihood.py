"""log P(token | before) of a text that is already written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Collection


def spoken_log_probs(
    logits: torch.Tensor, sequence: torch.Tensor, *, start: int, silent: Collection[int]
) -> list[float]:
    """One value ≤ 0 per token of `sequence[start:]` that says something.

    `logits`: (len(sequence) - 1, vocabulary), row i foretells sequence[i + 1]. `silent`: tokens of the format, such as
    a language mark that every text begins with; they are forced, so that their likelihood says nothing of the text.
    """
    targets = sequence[start:]
    foretold = torch.log_softmax(logits[start - 1 :].float(), dim=-1)
    values = foretold.gather(1, targets.unsqueeze(1)).squeeze(1).tolist()
    return [value for value, token in zip(values, targets.tolist(), strict=True) if token not in silent]
