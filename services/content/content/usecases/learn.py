"""Learn: templates, outcomes, whom to forget. And tell how experiments do."""

from __future__ import annotations

from collections.abc import Sequence

from content.domain.composition import Composition
from content.domain.customer import Person
from content.domain.errors import UnknownExperiment
from content.domain.experiment import Experiment
from content.domain.gaps import Template, gaps
from content.usecases.ports import Compositions, Experiments, Happened, Span, Templates


class LearnTemplates:
    """Keeps the templates current. A repeat writes the same again."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(self, changes: Sequence[Template | str]) -> None:
        """In their order; a text is the id of a template that is gone. Templates are `readable` ones."""
        run: list[Template] = []
        for change in changes:
            if isinstance(change, str):
                await self._templates.put(run)
                run = []
                await self._templates.remove(change)
            else:
                run.append(change)
        await self._templates.put(run)


def readable(template: Template) -> Template:
    """The template itself; raises BadTemplate when no product could fill it."""
    gaps(template.body)
    return template


class LearnOutcomes:
    """Counts what came of texts, by variant and by person, each event once."""

    def __init__(self, experiments: Experiments, compositions: Compositions) -> None:
        self._experiments, self._compositions = experiments, compositions

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
        for person, counted in by_person.items():
            await self._compositions.respond(span, person, counted)
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

    async def __call__(self, person: Person, at: int) -> int:
        """How many compositions were removed; `at` in milliseconds since 1970. Safe to repeat."""
        return await self._compositions.forget(person, at)


def _agrees(composition: Composition | None, outcome: Happened) -> bool:
    """Whether the reference is to what was really said."""
    return composition is not None and (composition.experiment_id, composition.variant_id) == (
        outcome.experiment_id,
        outcome.variant_id,
    )
