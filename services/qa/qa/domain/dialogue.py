"""A conversation: its turns, and what a new question means after them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from lm.language import detect
from lm.lexical import words
from qa.domain.answer import Answer

MOST_TURNS = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer."""

    number: int  # from 1
    asked_at: float  # seconds since 1970
    question: str
    understood: str
    answer: Answer
    event_id: str = ""  # of the event that asked; empty when it was asked by RPC
    answered_at: float = 0.0  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation: its last 20 turns, oldest first."""

    dialogue_id: str
    turns: tuple[Turn, ...] = field(default=())

    @property
    def next_number(self) -> int:
        """Numbers go on when old turns fall away."""
        return self.turns[-1].number + 1 if self.turns else 1


class Leaning(IntEnum):
    """How much a question leans on what was said before it."""

    NOT = 0
    PERHAPS = 1  # it is short
    SURELY = 2  # it points back, or goes on


@dataclass(frozen=True, slots=True)
class Understood:
    """A question as it is to be read."""

    text: str
    leaning: Leaning
    told: str = ""  # the family that the last answer told
    new: str = ""  # the words that were not said before

    @property
    def reading(self) -> str:
        """What is given to the encoder: the new words count twice, or the old subject would find the old answer."""
        return f"{self.text} {self.new}" if self.new else self.text


SHORT_EN, SHORT_ZH = 2, 6  # content words, characters: a question this short says too little to stand alone
_OPENS_EN = re.compile(r"^(and|but|or|so|then|also|ok(ay)?|what about|how about|what if)\b[\s,]*", re.IGNORECASE)
_POINTS_EN = re.compile(r"\b(it|its|that|this|they|them|these|those|there|one)\b", re.IGNORECASE)
_OPENS_ZH = re.compile(r"^(那么|那如果|那|还有|然后|另外|所以|如果是|要是)[,，]?")
_POINTS_ZH = re.compile(r"它|这个|那个|这些|那些|这款|那款|这样|那样")
_ENDS_ZH = re.compile(r"呢[?？。!！]?$")
_ASKING_EN = re.compile(
    r"^(please\s+|hi,?\s+|hello,?\s+)*"
    r"((how|where|when|what|which|why|can|could|may|do|does|is|are|will|would|should)\b\s*)"
    r"((do|does|can|could|should|would|must|is|are|it|to|i|we|you|my|the|a|an|please|want|like|need|about)\b\s*)*",
    re.IGNORECASE,
)
_ASKING_ZH = re.compile(
    r"^(请问|你好|您好|我想|我要|想要|想问一下|怎么样|怎样|如何|怎么|可以|能不能|能否|是否|在哪里|哪里|什么时候|我|[,，])+"
)
_END = re.compile(r"[\s?？!！。.,，吗呢]+$")


def understand(question: str, dialogue: Dialogue) -> Understood:
    """What the question means after the turns before it: rewritten when it cannot stand alone.

    In Chinese fewer than 30 % of turns stand alone (coreference, ellipsis), so a follow-up is rewritten before anything
    is looked up: the subject of the last question that was understood is put in front of it.
    """
    leaning = leans(question) if dialogue.turns else Leaning.NOT
    subject = _subject(dialogue.turns[-1].understood) if leaning else ""
    if not subject:
        return Understood(question, Leaning.NOT)
    rest = _OPENS_ZH.sub("", _OPENS_EN.sub("", question.strip())) or question.strip()
    colon = "：" if detect(question) == "zh" else ": "
    told = next((citation.family for citation in dialogue.turns[-1].answer.citations), "")
    return Understood(f"{subject}{colon}{rest}"[:_LONGEST], leaning, told, rest)


_LONGEST = 400  # characters of a rewritten question: chains of follow-ups do not grow


def leans(question: str) -> Leaning:
    """Whether a question leans on what was said before it."""
    text = question.strip()
    if detect(text) == "zh":
        surely = _OPENS_ZH.search(text) or _POINTS_ZH.search(text) or _ENDS_ZH.search(text)
        short = len(_END.sub("", text)) <= SHORT_ZH
    else:
        surely = _OPENS_EN.search(text) or _POINTS_EN.search(text)
        short = len(set(words(text))) < SHORT_EN
    return Leaning.SURELY if surely else Leaning.PERHAPS if short else Leaning.NOT


def _subject(understood: str) -> str:
    """What a question is about, without its asking words: `How do I return an item?` → `return an item`."""
    first = re.split(r"[:：]", understood, maxsplit=1)[0].strip()
    bare = _ASKING_ZH.sub("", first) if detect(first) == "zh" else _ASKING_EN.sub("", first)
    return _END.sub("", bare)
