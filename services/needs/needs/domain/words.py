"""What a person said: searches, questions, reviews."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from needs.domain.weights import TextKind

KEPT = 8  # texts
LONGEST = 300  # characters kept of one: two sentences, more than a search and most questions have
UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class Text:
    """One thing that was said."""

    text: str  # at most LONGEST characters
    kind: TextKind
    at: int  # milliseconds since 1970
    weight: float
    event: int  # 64-bit name, never 0
    language: str  # BCP 47; empty: unknown


@dataclass(frozen=True, slots=True)
class Words:
    """The last KEPT texts in the order of the log, and how many searches and questions there ever were."""

    texts: tuple[Text, ...] = ()
    asked: int = 0  # reviews are counted as behaviours

    def add(self, given: Iterable[Text]) -> Words:
        """With what was given, oldest out; a text whose event is already here is passed over."""
        texts, asked = list(self.texts), self.asked
        known = {text.event for text in texts}
        for text in given:
            if text.event not in known:
                known.add(text.event)
                texts.append(text)
                asked += text.kind is not TextKind.REVIEW
        return Words(tuple(texts[-KEPT:]), asked)

    @property
    def language(self) -> str:
        """The language most texts are in, the newer one where two are level; empty when none tells."""
        told = [text.language for text in reversed(self.texts) if text.language not in {"", UNKNOWN_LANGUAGE}]
        return Counter(told).most_common(1)[0][0] if told else ""  # equal counts keep their order
