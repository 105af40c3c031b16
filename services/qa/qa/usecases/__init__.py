"""The verbs: ask, learn, recall, forget. And the ports they need."""

from __future__ import annotations

from qa.usecases.ask import Ask
from qa.usecases.converse import Forget, Recall, Respond
from qa.usecases.learn import Learn
from qa.usecases.texts import Texts

__all__ = ["Ask", "Forget", "Learn", "Recall", "Respond", "Texts"]
