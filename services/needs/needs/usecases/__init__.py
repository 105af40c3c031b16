"""The verbs: learn from what people do and say, learn products, answer, forget. And the ports they need."""

from __future__ import annotations

from needs.usecases.answer import Answer, UnknownProduct
from needs.usecases.forget import Forget
from needs.usecases.learn import Learn, LearnProducts
from needs.usecases.ports import Changes, LogAway, Memory, MemoryAway, NeedStore, Page, Span, Wanted

__all__ = [
    "Answer",
    "Changes",
    "Forget",
    "Learn",
    "LearnProducts",
    "LogAway",
    "Memory",
    "MemoryAway",
    "NeedStore",
    "Page",
    "Span",
    "UnknownProduct",
    "Wanted",
]
