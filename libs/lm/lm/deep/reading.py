"""A prompt as the tokens that a checkpoint was taught to read, and its tokens as text again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lm.generators import wording
from lm.protocols import GenerationFailed, Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

_CJK = r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]"


class Reader:
    """Chat models are spoken to as they were taught to be; others are shown instruction and facts line by line."""

    def __init__(self, tokenizer: Any, config: Any, *, apart: bool) -> None:
        """`apart`: the text does not share the model's length with the prompt (seq2seq)."""
        self._tokenizer = tokenizer
        self._longest: int | None = getattr(config, "max_position_embeddings", None)
        self._apart = apart

    def ids(self, prompt: Prompt, *, room: int, engine: str) -> Sequence[int]:
        """Raises GenerationFailed when the prompt does not fit: cutting it would lose facts or the instruction unseen.

        `room`: tokens to leave for the text of a causal model; a short-sighted one leaves half of its length.
        """
        ids = self._chat(prompt) if getattr(self._tokenizer, "chat_template", None) else self._plain(prompt)
        if not ids:
            raise GenerationFailed(f"{engine}: the prompt is empty")
        if self._longest is not None:
            most = self._longest if self._apart else self._longest - min(room, self._longest // 2)
            if len(ids) > most:
                raise GenerationFailed(f"{engine}: the prompt has {len(ids)} tokens, the model reads {most} at most")
        return ids

    def room(self, ids: Sequence[int], wanted: int) -> int:
        """How many of the wanted tokens the model can write after this prompt."""
        if self._longest is None:
            return wanted
        return min(wanted, self._longest - (1 if self._apart else len(ids)))

    def _chat(self, prompt: Prompt) -> list[int]:
        words = self._tokenizer.apply_chat_template(
            [
                {"role": "system", "content": wording.rules(prompt)},
                {"role": "user", "content": wording.facts(prompt)},
            ],
            add_generation_prompt=True,
            enable_thinking=False,  # templates that do not know it pass it over
            tokenize=False,
        )
        return list(self._tokenizer(words, add_special_tokens=False, verbose=False)["input_ids"])

    def _plain(self, prompt: Prompt) -> list[int]:
        if self._apart:
            return list(self._tokenizer(wording.plain(prompt), verbose=False)["input_ids"])
        # A causal model goes on writing: the next line is its own, and no end mark stands before it.
        words = wording.plain(prompt) + "\n"
        begin = [] if self._tokenizer.bos_token_id is None else [self._tokenizer.bos_token_id]
        return begin + list(self._tokenizer(words, add_special_tokens=False, verbose=False)["input_ids"])


def joined(text: str) -> str:
    """BERT-style tokenizers, which Chinese BART models use, put a space between all characters; Chinese has none."""
    return re.sub(rf"(?<={_CJK})\s+(?={_CJK})", "", text).strip()
