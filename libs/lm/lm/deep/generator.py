"""Prompt → text by a language model in this process."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from lm.deep import checkpoint
from lm.deep.likelihood import spoken_log_probs
from lm.deep.reading import Reader, joined
from lm.generators import finished
from lm.protocols import Candidate, GenerationFailed, Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")
BEAMS = 4  # at least; fewer miss likely texts, more cost time and find duller ones
MOST = 16  # candidates of one prompt, as for a server


class LocalGenerator:
    """A seq2seq (BART, T5) or causal (GPT, Qwen) checkpoint, from a folder or by its hub name.

    Beam search: the same prompt always gives the same texts, so `seed` changes nothing, and the n best are variations
    of one. `log_prob` is the model's own, of the text and its end, from a pass over the finished text: no penalty or
    ban of the search is in it. One prompt at a time, in a thread of its own; the next one waits, within its `timeout`.
    """

    def __init__(
        self,
        path_or_name: str,
        *,
        revision: str | None = None,
        timeout: timedelta = timedelta(seconds=10),
        max_tokens: int = 256,
        device: str = "cpu",
    ) -> None:
        """Loads the weights in float32. Raises ValueError: no such model, or one that does not write."""
        found = checkpoint.find(path_or_name, revision)
        config = AutoConfig.from_pretrained(found.folder, local_files_only=True)
        named: Sequence[str] = config.architectures or ()
        if named and not any(name.endswith(WRITERS) for name in named):
            raise ValueError(
                f"{found.name!r} is a {named[0]}, which reads but does not write; "
                f"name a model whose architecture ends with {', '.join(WRITERS)}"
            )
        self.name = f"deep:{found}"
        self._answers_apart = bool(config.is_encoder_decoder)  # seq2seq: the text does not stand behind the prompt
        kind = AutoModelForSeq2SeqLM if self._answers_apart else AutoModelForCausalLM
        self._model: Any = kind.from_pretrained(found.folder, local_files_only=True, dtype=torch.float32)
        self._model = self._model.to(device).eval()
        self._tokenizer: Any = AutoTokenizer.from_pretrained(found.folder, local_files_only=True)
        self._reader = Reader(self._tokenizer, config, apart=self._answers_apart)
        self._ends = self._end_tokens()
        self._timeout = timeout.total_seconds()
        self._max_tokens = max_tokens
        self._device = device
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="lm-generator")

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:  # noqa: ARG002 - see the class
        """Up to n different finished texts that fit `max_chars`, the likeliest per token first."""
        if not 1 <= n <= MOST:
            raise ValueError(f"n is {n}; ask for 1 to {MOST} texts")
        until = time.monotonic() + self._timeout
        work = partial(self._write, prompt, n=n, until=until)
        try:
            async with asyncio.timeout(self._timeout):
                found = await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except TimeoutError as error:
            raise GenerationFailed(f"{self.name}: no text within {self._timeout:g} s") from error
        return finished.candidates(found, prompt, n=n, engine=self.name)

    async def aclose(self) -> None:
        """Waits for the prompt that is being answered, which takes `timeout` at most."""
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _write(self, prompt: Prompt, *, n: int, until: float) -> list[finished.Written]:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError  # whoever asked has left while others were answered
        limit = finished.token_limit(prompt, self._max_tokens)
        ids = self._reader.ids(prompt, room=limit, engine=self.name)
        asked = torch.tensor([ids], device=self._device)
        sequences = self._model.generate(
            input_ids=asked,
            attention_mask=torch.ones_like(asked),
            num_beams=max(BEAMS, n),
            num_return_sequences=n,
            do_sample=False,
            temperature=None,  # a checkpoint's own sampling settings mean nothing here, and are warned of
            top_p=None,
            top_k=None,
            early_stopping=True,
            max_length=None,
            max_new_tokens=self._reader.room(ids, limit),
            max_time=left,
            pad_token_id=self._filler(),
        )
        start = 1 if self._answers_apart else len(ids)  # a seq2seq text begins with one token that is not spoken
        return [self._judged(ids, sequence.tolist(), start) for sequence in sequences]

    def _judged(self, asked: Sequence[int], sequence: Sequence[int], start: int) -> finished.Written:
        """One text with its likelihood; cut off where the search ended before the text did."""
        end = next((place for place in range(start, len(sequence)) if sequence[place] in self._ends), None)
        if end is None:
            return finished.Written("", ended=False)
        told = torch.tensor([sequence[: end + 1]], device=self._device)
        if self._answers_apart:
            source = torch.tensor([asked], device=self._device)
            logits = self._model(input_ids=source, decoder_input_ids=told[:, :-1]).logits
        else:
            logits = self._model(input_ids=told[:, :-1]).logits
        silent = set(self._tokenizer.all_special_ids) - {sequence[end]}
        log_probs = spoken_log_probs(logits[0], told[0], start=start, silent=silent)
        text = joined(self._tokenizer.decode(sequence[start:end], skip_special_tokens=True))
        return finished.Written(text, log_probs=tuple(log_probs))

    def _end_tokens(self) -> set[int]:
        """A checkpoint may have several: the end of a text, and of a turn."""
        named = self._model.generation_config.eos_token_id
        ends = named if isinstance(named, list) else [named]
        return {end for end in (*ends, self._tokenizer.eos_token_id) if end is not None}

    def _filler(self) -> int | None:
        named: int | None = self._tokenizer.pad_token_id
        return named if named is not None else min(self._ends, default=None)
