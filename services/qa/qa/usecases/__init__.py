"""The verbs: ask, tell, learn, keep, recall, forget. And the ports they need."""

from __future__ import annotations

from qa.usecases.ask import Ask
from qa.usecases.converse import Forget, Recall, Respond
from qa.usecases.learn import Keep, Learn
from qa.usecases.tell import Tell
from qa.usecases.texts import Texts

__all__ = ["Ask", "Forget", "Keep", "Learn", "Recall", "Respond", "Tell", "Texts"]
