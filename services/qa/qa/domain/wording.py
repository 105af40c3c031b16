"""The words of the replies that no knowledge entry gives, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from qa.domain.identity import primary

# Task → language → texts, for the template generator: they state what the facts state and nothing else.
TEMPLATES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "qa.answer": {
        "en": ["This is what our help pages say about “{question_1}”: {answer_1}"],
        "zh": ["关于“{question_1}”，我们的帮助信息是：{answer_1}"],
    },
    "qa.answers": {
        "en": ["1. {question_1}\n{answer_1}\n\n2. {question_2}\n{answer_2}"],
        "zh": ["1. {question_1}\n{answer_1}\n\n2. {question_2}\n{answer_2}"],
    },
    "qa.fact": {
        "en": ["{title} – {attribute}: {value}."],
        "zh": ["{title}——{attribute}：{value}。"],
    },
}
INSTRUCTION = (
    "You answer a customer of a shop. Answer the question from the facts alone, briefly and politely. "
    "If they do not answer it, say so."
)
_ASK_BACK = {"en": ("I am not sure which of these you mean:", "- "), "zh": ("请问您想了解的是：", "· ")}
_HANDED_OVER = {
    "en": "I cannot answer this from what the shop has told me, so I pass your question on to a colleague.",
    "zh": "店铺的资料里没有这个问题的答案，我已将您的问题转给人工客服。",
}
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)\s*|[。！？；]|\n+|$)", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def known(language: str) -> str:
    """The language of ours that is nearest to a tag: Chinese for Chinese, else English."""
    return "zh" if primary(language) == "zh" else "en"


def ask_back(questions: Sequence[str], language: str) -> str:
    """Which of these do you mean?"""
    opening, bullet = _ASK_BACK[known(language)]
    return "\n".join([opening, *(bullet + question for question in questions)])


def handed_over(language: str) -> str:
    """A person will answer."""
    return _HANDED_OVER[known(language)]


def pieces(text: str) -> list[str]:
    """A text as it may be shown piece by piece: sentences that add up to it exactly."""
    return _SENTENCE.findall(text)


def numbers_not_in(text: str, sources: Sequence[str]) -> set[str]:
    """Numbers a text states that none of its sources does: the invention that hurts a shopper most."""
    said = {number for source in sources for number in _NUMBER.findall(source)}
    return set(_NUMBER.findall(text)) - said


_PARTS = re.compile(
    r"(?<=[?？])\s*(?=\S)"
    r"|[,，;；]?\s*\b(?:and also|and then|and)\s+(?=(?:how|what|when|where|can|do|is|are|which)\b)"
    r"|[,，;；。]\s*(?:还有|另外|以及|顺便问一下)[,，]?",
    re.IGNORECASE,
)


def parts(question: str) -> list[str]:
    """The questions in a message: `Can I pay by card and how long does delivery take?` → two."""
    found = [part.strip() for part in _PARTS.split(question)]
    return [part for part in found if part] or [question]
