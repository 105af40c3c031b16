"""Learn: templates, outcomes, whom to forget. And tell how experiments do."""

from __future__ import annotations

from collections.abc import Sequence

from content.domain.composition import Composition
from content.domain.customer import Person
from content.domain.errors import UnknownExperiment
from content.domain.experiment import Experiment
from content.domain.gaps import Template, gaps
from content.usecases.ports import Compositions, Experiments, Forgotten, Happened, Positions, Span, Templates


class LearnTemplates:
    """Keeps the templates current."""

    def __init__(self, templates: Templates, positions: Positions) -> None:
        self._templates, self._steps = templates, Steps(positions)

    async def __call__(self, span: Span, changes: Sequence[tuple[int, Template | str]]) -> None:
        """In their order, each with its offset; a text is the id of a template that is gone. Templates are `readable`
        ones.
        """
        if changes:
            await self._templates.apply(span, changes)
        await self._steps.done(span)


def readable(template: Template) -> Template:
    """The template itself; raises BadTemplate when no product could fill it."""
    gaps(template.body)
    return template


class LearnOutcomes:
    """Counts what came of texts, by variant and by person, each event once."""

    def __init__(self, experiments: Experiments, compositions: Compositions, positions: Positions) -> None:
        self._experiments, self._compositions, self._steps = experiments, compositions, Steps(positions)

    async def __call__(self, span: Span, outcomes: Sequence[Happened]) -> list[Happened]:
        """Returns those that belong to no variant we know; nothing is counted of them."""
        arms = await self._arms(outcomes)
        known = [o for o in outcomes if o.variant_id in arms[o.person.tenant, o.experiment_id]]
        said = await self._compositions.find([(outcome.person, outcome.composition_id) for outcome in known])
        by_experiment: dict[tuple[str, str], list[tuple[Happened, str]]] = {}
        by_person: dict[Person, list[tuple[Happened, str]]] = {}
        for outcome, composition in zip(known, said, strict=True):
            ours = composition if _agrees(composition, outcome) else None
            key = (outcome.person.tenant, outcome.experiment_id)
            by_experiment.setdefault(key, []).append((outcome, ours.context if ours else ""))
            if ours:
                by_person.setdefault(outcome.person, []).append((outcome, ours.appeal))
        for (tenant, experiment), counted in by_experiment.items():
            await self._experiments.count(span, tenant, experiment, counted)
        if by_person:
            await self._compositions.respond(span, by_person)
        await self._steps.done(span)
        return [
            outcome
            for outcome in outcomes
            if outcome.variant_id not in arms[outcome.person.tenant, outcome.experiment_id]
        ]

    async def _arms(self, outcomes: Sequence[Happened]) -> dict[tuple[str, str], frozenset[str]]:
        arms: dict[tuple[str, str], frozenset[str]] = {}
        for key in dict.fromkeys((outcome.person.tenant, outcome.experiment_id) for outcome in outcomes):
            experiment = await self._experiments.get(*key)
            arms[key] = frozenset(experiment.arms) if experiment else frozenset()
        return arms


class TellExperiments:
    """How experiments do."""

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def one(self, tenant: str, experiment_id: str) -> Experiment:
        """Raises UnknownExperiment."""
        found = await self._experiments.get(tenant, experiment_id)
        if found is None:
            raise UnknownExperiment(tenant, experiment_id)
        return found

    async def all(self, tenant: str) -> Sequence[Experiment]:
        """Of a shop."""
        return await self._experiments.all(tenant)


class Forget:
    """Removes what was said to a person. Counts of variants stay: they name nobody."""

    def __init__(self, compositions: Compositions) -> None:
        self._compositions = compositions

    async def __call__(self, person: Person, at: int) -> Forgotten:
        """What was removed; `at` in milliseconds since 1970. Safe to repeat."""
        return await self._compositions.forget(person, at)


class GrantErasures:
    """Forgets the people of a piece of the log."""

    def __init__(self, forget: Forget, positions: Positions) -> None:
        self._forget, self._steps = forget, Steps(positions)

    async def __call__(self, span: Span, wishes: Sequence[tuple[Person, int]]) -> None:
        """Each with the time of the wish in milliseconds since 1970."""
        for person, at in wishes:
            await self._forget(person, at)
        await self._steps.done(span)


class Steps:
    """Tells how far the log is in the stores.

    Invariant: what is called sure was followed by a later span, so its refused records are in the dead letters too:
    they are written after the span is done, and must come again when the process ends in between.
    """

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._last: dict[tuple[str, str, int], tuple[int | None, int]] = {}  # → sure, done

    async def done(self, span: Span) -> None:
        key = (span.log, span.topic, span.partition)
        sure, before = self._last.get(key, (None, -1))
        if 0 <= before <= span.begins:  # one that overlaps comes again, and its letters may not be written yet
            sure = before
        await self._positions.reached(span, sure)
        self._last[key] = (sure, span.next_offset)


def _agrees(composition: Composition | None, outcome: Happened) -> bool:
    """Whether the reference is to what was really said."""
    return composition is not None and (composition.experiment_id, composition.variant_id) == (
        outcome.experiment_id,
        outcome.variant_id,
    )
