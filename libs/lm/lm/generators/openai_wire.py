"""The messages of `/chat/completions`: prompt → request, reply → texts. No network here."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lm.generators import wording
from lm.generators.finished import Written, token_limit
from lm.protocols import Prompt

OPTIONAL = ("logprobs", "n", "seed")  # not every server takes them, and some refuse a request that has them


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


def written(choice: Choice) -> Written:
    """One text of a reply; without likelihoods unless the server told that of every token."""
    tokens = choice.logprobs.content if choice.logprobs else None
    log_probs = [token.logprob for token in tokens or () if token.logprob is not None]
    return Written(
        choice.message.content or "",
        ended=choice.finish_reason not in {"length", "content_filter"},
        log_probs=tuple(log_probs) if tokens and len(log_probs) == len(tokens) else None,
    )
