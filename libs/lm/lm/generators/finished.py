"""What an engine wrote → the candidates that may be shown. The same for a server and for a model in process."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lm.protocols import Candidate, GenerationFailed, Prompt

DENSE_SCRIPTS = {"zh", "ja", "ko", "th"}  # languages that write one to two tokens per character


@dataclass(frozen=True, slots=True)
class Written:
    """One text as the engine gave it."""

    text: str
    ended: bool = True  # False: cut off by a limit or a filter
    log_probs: tuple[float, ...] | None = None  # of each token; None: not all are known


def candidates(written: Iterable[Written], prompt: Prompt, *, n: int, engine: str) -> list[Candidate]:
    """Up to n finished, different texts that fit, the likeliest per token first where all likelihoods are known.

    Raises GenerationFailed when none is left.
    """
    kept: dict[str, Candidate] = {}
    cut = long = 0
    for one in written:
        text = _without_thoughts(one.text)
        if not one.ended or not text:
            cut += 1
        elif prompt.max_chars and len(text) > prompt.max_chars:
            long += 1
        else:
            kept.setdefault(text, _candidate(text, one))
    if not kept:
        raise GenerationFailed(
            f"{engine}: no usable text: {cut} unfinished or empty, {long} of more than {prompt.max_chars} characters"
        )
    found = list(kept.values())
    if all(candidate.log_prob is not None for candidate in found):
        found.sort(key=lambda candidate: (candidate.log_prob or 0.0) / (candidate.tokens or 1), reverse=True)
    return found[:n]


def token_limit(prompt: Prompt, most: int) -> int:
    """Enough tokens for `max_chars` characters with room to spare: a text cut by this limit is thrown away."""
    if not prompt.max_chars:
        return most
    primary = prompt.language.replace("_", "-").partition("-")[0].lower()
    per_char = 2.0 if primary in DENSE_SCRIPTS else 0.6
    return min(most, math.ceil(prompt.max_chars * per_char) + 16)


def _candidate(text: str, one: Written) -> Candidate:
    """A likelihood that counts thoughts, or an impossible token, is not told."""
    if not one.log_probs or text != one.text.strip() or not all(map(math.isfinite, one.log_probs)):
        return Candidate(text)
    return Candidate(text, math.fsum(one.log_probs), len(one.log_probs))


def _without_thoughts(text: str) -> str:
    """Some models think aloud first."""
    return re.sub(r"^\s*<think>.*?(</think>|\Z)", "", text, count=1, flags=re.DOTALL).strip()
