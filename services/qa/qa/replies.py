"""Values of the domain → messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.answer_pb2 import AnswerOutcome
from attune.qa.v1 import qa_pb2 as pb
from attune.types.v1 import types_pb2
from qa.domain.answer import Answer, Citation
from qa.domain.dialogue import Turn
from qa.domain.score import Score
from qa.usecases.ports import Fallback


def answer_reply(answer: Answer, *, dialogue_id: str, turn: int, understood: str) -> pb.Answer:
    """An answer with its sources and their terms."""
    return pb.Answer(
        text=answer.text,
        language=answer.language,
        outcome=AnswerOutcome.ValueType(answer.outcome),
        probability=answer.probability,
        citations=map(_citation, answer.citations),
        product_ids=answer.product_ids,
        dialogue_id=dialogue_id,
        turn=turn,
        understood=understood,
        **{"lambda": answer.balance},
    )


def turn_reply(dialogue_id: str, turn: Turn) -> pb.Turn:
    """A turn of a conversation."""
    answer = answer_reply(turn.answer, dialogue_id=dialogue_id, turn=turn.number, understood=turn.understood)
    return pb.Turn(
        number=turn.number,
        asked_at=timestamp(turn.asked_at),
        question=turn.question,
        understood=turn.understood,
        answer=answer,
    )


def fallbacks(given: Iterable[Fallback]) -> list[types_pb2.Fallback]:
    """Parts of the work that were done by something less."""
    return [types_pb2.Fallback(component=each.component, used=each.used, reason=each.reason) for each in given]


def timestamp(at: float) -> Timestamp:
    """Seconds since 1970 as the contract says it, to the millisecond."""
    stamp = Timestamp()
    stamp.FromMilliseconds(round(at * 1000))
    return stamp


def _citation(citation: Citation) -> pb.Citation:
    return pb.Citation(
        entry_id=citation.entry_id,
        family=citation.family,
        question=citation.question,
        source=citation.source,
        language=citation.language,
        score=_score(citation.score),
    )


def _score(score: Score) -> types_pb2.Score:
    terms = [
        types_pb2.Term(name=term.name, value=term.value, weight=term.weight, contribution=term.contribution)
        for term in score.terms
    ]
    return types_pb2.Score(value=score.value, terms=terms)
