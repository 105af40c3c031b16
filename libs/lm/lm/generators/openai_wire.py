"""The messages of `/chat/completions`: prompt → request, reply → texts. No network here."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from lm.generators import wording
from lm.protocols import Candidate, GenerationFailed, Prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONAL = ("logprobs", "n", "seed")  # not every server takes them, and some refuse a request that has them
DENSE_SCRIPTS = {"zh", "ja", "ko", "th"}  # languages that write one to two tokens per character


class TokenProbability(msgspec.Struct):
    logprob: float | None = None


class Probabilities(msgspec.Struct):
    content: list[TokenProbability] | None = None


class Message(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    message: Message
    finish_reason: str | None = None
    logprobs: Probabilities | None = None


class Reply(msgspec.Struct):
    choices: list[Choice]


class Refusal(msgspec.Struct):
    """Why a server does not take a request. Only its codes are ever shown: its message may repeat the prompt."""

    message: str | None = None
    param: str | None = None
    code: str | int | None = None
    type: str | None = None


class Refused(msgspec.Struct):
    error: Refusal | str | None = None
    detail: Any = None  # servers built on FastAPI


def request(prompt: Prompt, *, model: str, n: int, seed: int, temperature: float, max_tokens: int) -> dict[str, object]:
    """The JSON body that asks for n texts."""
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": wording.rules(prompt)},
            {"role": "user", "content": wording.facts(prompt)},
        ],
        "n": n,
        "seed": seed & 0x7FFF_FFFF,  # servers read 31 or 63 bits
        "temperature": temperature,
        "max_tokens": token_limit(prompt, max_tokens),
        "logprobs": True,
        "stream": False,
    }


def token_limit(prompt: Prompt, most: int) -> int:
    """Enough tokens for `max_chars` characters with room to spare: a text cut by this limit is thrown away."""
    if not prompt.max_chars:
        return most
    primary = prompt.language.replace("_", "-").partition("-")[0].lower()
    per_char = 2.0 if primary in DENSE_SCRIPTS else 0.6
    return min(most, math.ceil(prompt.max_chars * per_char) + 16)


def reply(body: bytes) -> list[Choice]:
    """Raises ValueError, with the place and never the text, for what is not a reply."""
    try:
        choices = msgspec.json.decode(body, type=Reply).choices
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    if not choices:
        raise ValueError("no choices")
    return choices


def refusal(body: bytes) -> tuple[str, str | None]:
    """The error's code to show, and which of OPTIONAL the server does not take."""
    try:
        refused = msgspec.json.decode(body, type=Refused)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "", None
    error = refused.error if isinstance(refused.error, Refusal) else Refusal(message=str(refused.error))
    words = f"{error.param or ''} {error.message or ''} {refused.detail or ''}"
    unwanted = next(
        (name for name in OPTIONAL if error.param == name or re.search(rf"['\"`]{name}['\"`]", words)), None
    )
    code = next((str(code) for code in (error.code, error.type) if code is not None), "")
    return (code if re.fullmatch(r"[\w.-]{1,40}", code) else ""), unwanted


def candidates(choices: Iterable[Choice], prompt: Prompt, *, n: int, engine: str) -> list[Candidate]:
    """Up to n finished, different texts that fit, the likeliest per token first where all likelihoods are known."""
    kept: dict[str, Candidate] = {}
    cut = long = 0
    for choice in choices:
        text, log_prob, tokens = _text(choice)
        if choice.finish_reason in {"length", "content_filter"} or not text:
            cut += 1
        elif prompt.max_chars and len(text) > prompt.max_chars:
            long += 1
        else:
            kept.setdefault(text, Candidate(text, log_prob, tokens))
    if not kept:
        raise GenerationFailed(
            f"{engine}: no usable text: {cut} unfinished or empty, {long} of more than {prompt.max_chars} characters"
        )
    found = list(kept.values())
    if all(candidate.log_prob is not None for candidate in found):
        found.sort(key=lambda candidate: (candidate.log_prob or 0.0) / (candidate.tokens or 1), reverse=True)
    return found[:n]


def _text(choice: Choice) -> tuple[str, float | None, int | None]:
    """The text without a model's thinking aloud; its likelihood would count the thoughts, so then it is not told."""
    content = choice.message.content or ""
    text = re.sub(r"^\s*<think>.*?(</think>|\Z)", "", content, count=1, flags=re.DOTALL)
    tokens = choice.logprobs.content if choice.logprobs else None
    values = [token.logprob for token in tokens or () if token.logprob is not None and math.isfinite(token.logprob)]
    if text != content or not tokens or len(values) != len(tokens):
        return text.strip(), None, None
    return text.strip(), math.fsum(values), len(values)
