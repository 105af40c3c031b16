"""Domain → reply messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from attune.content.v1 import content_pb2 as pb
from attune.types.v1 import types_pb2
from chassis.kafka import Position
from chassis.kafka.progress import Gap
from content.domain.candidate import Checked
from content.domain.experiment import Experiment, report
from content.domain.facts import Fact
from content.domain.likelihood import Score
from content.usecases.compose import Composed
from content.usecases.ports import Replaced


def composition(made: Composed, channel: str) -> pb.Composition:
    kept = made.composition
    return pb.Composition(
        composition_id=kept.composition_id,
        experiment_id=kept.experiment_id,
        variant_id=kept.variant_id,
        propensity=kept.propensity,
        text=made.chosen.candidate.text,
        language=made.language,
        channel=channel,
        product_id=kept.product_id,
        score=score(made.score),
        facts=facts(made.chosen.facts),
        made_by=made.chosen.candidate.made_by,
        probability=made.score.probability,
    )


def candidate(checked: Checked, its_score: Score | None) -> pb.Candidate:
    text = checked.candidate
    return pb.Candidate(
        text=text.text,
        variant_id=text.variant_id,
        made_by=text.made_by,
        template_id=text.template_id,
        score=None if its_score is None else score(its_score),
        facts=facts(checked.facts),
        refused=checked.refused,
    )


def experiment(held: Experiment, *, with_arms: bool) -> pb.Experiment:
    total = [held.total(variant) for variant in held.arms]
    arms = [
        pb.Arm(
            variant_id=arm.variant_id,
            impressions=arm.counts.impressions,
            clicks=arm.counts.clicks,
            purchases=arm.counts.purchases,
            mean=arm.posterior.mean,
            low=arm.posterior.interval[0],
            high=arm.posterior.interval[1],
            probability_best=arm.probability_best,
        )
        for arm in (report(held) if with_arms else ())
    ]
    return pb.Experiment(
        experiment_id=held.experiment_id,
        arms=arms,
        impressions=sum(counts.impressions for counts in total),
        clicks=sum(counts.clicks for counts in total),
        purchases=sum(counts.purchases for counts in total),
        last_at=timestamp(held.last_at) if held.last_at else None,
    )


def served(
    by: Iterable[str], replaced: Sequence[Replaced], applied: Sequence[Position], *, stale: bool
) -> types_pb2.Served:
    return types_pb2.Served(
        by=list(dict.fromkeys(by)),
        fallbacks=[types_pb2.Fallback(component=r.component, used=r.used, reason=r.reason) for r in replaced],
        applied=[
            types_pb2.Watermark(topic=p.topic, partition=p.partition, offset=p.offset, log=p.log) for p in applied
        ],
        stale=stale,
    )


def unread(gap: Gap) -> Replaced:
    """Counts and texts stand on what was read: what the log deleted before is said to be missing."""
    return Replaced("log", "what was still there", f"deleted before it was read: {gap}")


def score(held: Score) -> types_pb2.Score:
    terms = [
        types_pb2.Term(name=t.name, value=t.value, weight=t.weight, contribution=t.contribution) for t in held.terms
    ]
    return types_pb2.Score(value=held.value, terms=terms)


def facts(held: Sequence[Fact]) -> list[pb.Fact]:
    return [pb.Fact(claim=fact.claim, field=fact.field, value=fact.value, holds=fact.holds) for fact in held]


def timestamp(milliseconds: int) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(datetime.fromtimestamp(milliseconds / 1000, UTC))
    return found
