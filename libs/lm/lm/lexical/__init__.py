"""Words, and what is found by them: tokens of both languages, sparse vectors for a store, BM25 in process."""

from __future__ import annotations

from lm.lexical.bm25 import Bm25
from lm.lexical.phrasing import joining
from lm.lexical.sparse import SparseVector, document, index, query, weights
from lm.lexical.tokens import words

__all__ = ["Bm25", "SparseVector", "document", "index", "joining", "query", "weights", "words"]
