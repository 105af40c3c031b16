"""Texts → unit vectors by a transformer."""

from __future__ import annotations

import hashlib
import re
import threading
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from lm.deep import checkpoint
from lm.deep.pooling import Pooling, dense_layer, pool, recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lm.protocols import Matrix

LONGEST = 512  # tokens, where neither caller nor checkpoint says; what BERT-class models were trained on


class TransformerEncoder:
    """Any sentence-transformers, BERT or ERNIE-class checkpoint, from a folder or by its hub name.

    Pooling, linear layers, length and prefix are the checkpoint's own (`modules.json`); without a recipe, the mean of
    the token vectors. Vectors do not depend on what else is in the batch, up to rounding (1e-6). Safe to share between
    threads. Slow: 3 to 50 ms for one short text on a CPU, so call it off the event loop, in batches.
    """

    def __init__(
        self,
        path_or_name: str,
        *,
        revision: str | None = None,
        pooling: Pooling | Literal["auto"] = "auto",
        prefix: str | None = None,
        max_tokens: int | None = None,
        batch_size: int = 32,
        device: str = "cpu",
    ) -> None:
        """`prefix` stands before every text; None: the one of the checkpoint's training.

        Raises ValueError: no such model.
        """
        found = checkpoint.find(path_or_name, revision)
        own = recipe(found.folder)
        self._pooling = own.pooling if pooling == "auto" else (pooling,)
        self._prefix = (own.prefix or _usual_prefix(found.name)) if prefix is None else prefix
        self._tokenizer = AutoTokenizer.from_pretrained(found.folder, local_files_only=True)
        self._model = (
            AutoModel.from_pretrained(found.folder, local_files_only=True, dtype=torch.float32).to(device).eval()
        )
        self._dense = [dense_layer(place, device) for place in own.dense]
        asked = max_tokens or own.max_tokens or LONGEST
        self._max_tokens = min(asked, _positions(self._model), self._tokenizer.model_max_length)
        self._batch_size = batch_size
        self._device = device
        self._silent = set(self._tokenizer.all_special_ids)
        self._alone = threading.Lock()  # a fast tokenizer that two threads use at once raises "Already borrowed"
        self._prefix_tokens = self._known(self._tokenize([self._prefix])[0])
        self.space = f"{found}{self._variant(own.pooling)}"
        self.dim = int(self._forward([self._tokenize(["a"])[0]]).shape[1])

    def encode(self, texts: Sequence[str]) -> Matrix:
        """(len(texts), dim), unit rows; the zero row for a text in which the model knows no token: empty, or all [UNK].

        Longer texts are cut at `max_tokens`. Batches are made of texts of like length, so that little is padding.
        """
        rows = np.zeros((len(texts), self.dim), np.float32)
        if not texts:
            return rows
        tokens = self._tokenize([self._prefix + text for text in texts])
        spoken = [index for index, ids in enumerate(tokens) if self._known(ids) > self._prefix_tokens]
        spoken.sort(key=lambda index: len(tokens[index]), reverse=True)  # largest first: no memory left, no wait
        for start in range(0, len(spoken), self._batch_size):
            batch = spoken[start : start + self._batch_size]
            rows[batch] = self._forward([tokens[index] for index in batch]).cpu().numpy()
        return rows

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        with self._alone:
            read = self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens, verbose=False)
        return list(read["input_ids"])

    def _known(self, ids: Sequence[int]) -> int:
        return sum(token not in self._silent for token in ids)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _forward(self, batch: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(map(len, batch))
        filler = self._tokenizer.pad_token_id or 0  # never seen: the mask hides it
        ids = torch.tensor([[*row, *[filler] * (longest - len(row))] for row in batch], device=self._device)
        lengths = torch.tensor([len(row) for row in batch], device=self._device)
        mask = (torch.arange(longest, device=self._device) < lengths.unsqueeze(1)).long()
        vectors = pool(self._model(input_ids=ids, attention_mask=mask).last_hidden_state, mask, self._pooling)
        for layer in self._dense:
            vectors = layer(vectors)
        return torch.nn.functional.normalize(vectors, dim=1)

    def _variant(self, own: tuple[Pooling, ...]) -> str:
        """What the caller changed makes another space."""
        pooled = "" if self._pooling == own else f"+{self._pooling[0]}"
        return pooled + (f"+{hashlib.sha256(self._prefix.encode()).hexdigest()[:8]}" if self._prefix else "")


def _positions(model: Any) -> int:
    """How many tokens the model has positions for. RoBERTa's family counts them from the filler's id + 1 on."""
    named = getattr(model.config, "max_position_embeddings", None) or LONGEST
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    filler = getattr(table, "padding_idx", None)
    return int(named if filler is None else named - filler - 1)


def _usual_prefix(name: str) -> str:
    """The E5 family was trained with a word before every text, and says so only in its description."""
    return "query: " if re.search(r"(^|[/_-])e5-(small|base|large)(?!.*instruct)", name) else ""
