"""Ask: question → understood → scored → decided → worded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lm.language import detect
from qa.domain.answer import Answer, Citation, Outcome
from qa.domain.confidence import Calibration, Thresholds, decide, readings
from qa.domain.dialogue import Dialogue, Leaning, Understood, understand
from qa.domain.library import Library
from qa.domain.score import Weights
from qa.domain.shelf import Asked, Found
from qa.domain.wording import ask_back, handed_over, parts
from qa.usecases.facts import ProductFacts
from qa.usecases.ports import Away, Context, EmptyQuestion, Fallback, Needs, Offers, Question
from qa.usecases.texts import Texts
from qa.usecases.writing import Writer

MOST_PARTS = 2  # questions of one message that are answered together
LITERAL = 0.9  # cosine from which on an entry is meant, even where the question names a product with such an attribute
OFFERED = 3  # products that are shown with an answer that names none


@dataclass(frozen=True, slots=True)
class Policy:
    """How scores are made and what follows from them."""

    weights: Weights = field(default_factory=Weights)
    calibration: Calibration = field(default_factory=Calibration)
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, before it is a turn of a conversation."""

    answer: Answer
    understood: str
    by: tuple[str, ...]
    fallbacks: tuple[Fallback, ...] = ()


class Ask:
    """Answers questions. Holds nothing of those who ask. `clock`: seconds since 1970, for what holds now."""

    def __init__(
        self,
        library: Library,
        texts: Texts,
        writer: Writer,
        needs: Needs,
        offers: Offers,
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        self._library, self._texts, self._writer, self._policy = library, texts, writer, policy
        self._needs, self._offers, self._clock = needs, offers, clock
        self._facts = ProductFacts(library, texts, writer)

    async def __call__(self, question: Question, dialogue: Dialogue) -> Answered:
        """Raises EmptyQuestion."""
        if not question.text.strip():
            raise EmptyQuestion
        context, away = await self._context(question)
        understood = understand(question.text, dialogue)
        language = question.language or _language(question.text, dialogue)
        answered = await self._answer(question, understood, language, context, dialogue)
        by = (self._texts.space, "bm25", *answered.by)
        return replace(answered, by=tuple(dict.fromkeys(by)), fallbacks=(*away, *answered.fallbacks))

    async def _answer(
        self, question: Question, understood: Understood, language: str, context: Context, dialogue: Dialogue
    ) -> Answered:
        understood, found, probability = await self._best(question, understood, context)
        outcome = decide(found, probability, self._policy.thresholds, follows=understood.leaning is Leaning.SURELY)
        if not understood.leaning and (several := await self._several(question, context)):
            return await self._together(several, language, understood.text)
        literal = outcome is Outcome.DIRECT and found[0].score.of("sim(q,a).dense") >= LITERAL
        if not literal:
            last = dialogue.turns[-1].answer.product_ids if dialogue.turns else ()
            lately = () if outcome is Outcome.DIRECT else (*last, *context.products)
            fact = await self._facts.answer(question, language, lately)
            if fact is not None:
                answer, by, reasons = fact
                return Answered(replace(answer, balance=self._policy.weights.balance), understood.text, by, reasons)
        return await self._say(question, understood.text, outcome, found, probability, language)

    async def _best(
        self, question: Question, understood: Understood, context: Context
    ) -> tuple[Understood, list[Found], float]:
        """How the question is read, the best families, and the probability that the first one answers.

        A question that only seems to lean on what was said may stand alone after all: the surer reading is taken.
        """
        found = await self._rank(question.tenant, understood.reading, context, told=understood.told)
        probability = self._policy.calibration.probability(found)
        if understood.leaning is Leaning.PERHAPS:
            alone = await self._rank(question.tenant, question.text, context)
            sure = self._policy.calibration.probability(alone)
            if sure >= max(probability, self._policy.thresholds.generated):
                return Understood(question.text, Leaning.NOT), alone, sure
        return understood, found, probability

    async def _rank(self, tenant: str, text: str, context: Context, *, told: str = "") -> list[Found]:
        vector = (await self._texts.read([text]))[0]
        need = context.need if context.space == self._texts.space else None
        return self._library.shelf(tenant).rank(Asked(text, vector, need, context.products, told), self._clock(), 3)

    async def _several(self, question: Question, context: Context) -> list[tuple[Found, float]]:
        """The answers to a message of several questions, when each is known and they differ; else none."""
        asked = parts(question.text)
        if len(asked) != MOST_PARTS:
            return []
        best = []
        for part in asked:
            found = await self._rank(question.tenant, part, context)
            probability = self._policy.calibration.probability(found)
            if probability < self._policy.thresholds.generated:
                return []
            best.append((found[0], probability))
        return best if len({found.family for found, _ in best}) == len(asked) else []

    async def _together(self, several: Sequence[tuple[Found, float]], language: str, understood: str) -> Answered:
        entries = [found.in_language(language) for found, _ in several]
        facts = {f"question_{n}": entry.question for n, entry in enumerate(entries, start=1)}
        facts |= {f"answer_{n}": entry.answer for n, entry in enumerate(entries, start=1)}
        text, by, reasons = await self._writer.write("qa.answers", language, facts, [entry.answer for entry in entries])
        citations = tuple(Citation.of(e, found.score) for e, (found, _) in zip(entries, several, strict=True))
        products = tuple(dict.fromkeys(each for entry in entries for each in entry.product_ids))
        probability = min(probability for _, probability in several)
        answer = Answer(
            text, language, Outcome.GENERATED, probability, citations, products, self._policy.weights.balance
        )
        return Answered(answer, understood, (by,), reasons)

    async def _say(
        self,
        question: Question,
        understood: str,
        outcome: Outcome,
        found: Sequence[Found],
        probability: float,
        language: str,
    ) -> Answered:
        balance = self._policy.weights.balance
        if outcome is Outcome.HANDED_OVER:
            products, away = await self._offer(question, understood)
            text = handed_over(language)
            return Answered(Answer(text, language, outcome, probability, (), products, balance), understood, (), away)
        entries = [each.in_language(language) for each in found]
        if outcome is Outcome.ASK_BACK:
            near = readings(found, self._policy.thresholds)
            chosen = [each.in_language(language) for each in near]
            text = ask_back([entry.question for entry in chosen], language)
            citations = tuple(Citation.of(e, each.score) for e, each in zip(chosen, near, strict=True))
            return Answered(Answer(text, language, outcome, probability, citations, (), balance), understood, ())
        entry, cited = entries[0], (Citation.of(entries[0], found[0].score),)
        if outcome is Outcome.DIRECT:
            answer = Answer(entry.answer, entry.language, outcome, probability, cited, entry.product_ids, balance)
            return Answered(answer, understood, ())
        facts = {"question_1": entry.question, "answer_1": entry.answer}
        text, by, reasons = await self._writer.write("qa.answer", language, facts, [entry.answer])
        answer = Answer(text, language, outcome, probability, cited, entry.product_ids, balance)
        return Answered(answer, understood, (by,), reasons)

    async def _context(self, question: Question) -> tuple[Context, tuple[Fallback, ...]]:
        if question.person is None:
            return Context(), ()
        try:
            return await self._needs.context(question.person), ()
        except Away as why:
            return Context(), (Fallback("needs", "no need", str(why)),)

    async def _offer(self, question: Question, understood: str) -> tuple[tuple[str, ...], tuple[Fallback, ...]]:
        """Products for a question that knowledge does not answer: it may be about what to buy."""
        try:
            found = await self._offers.search(question.tenant, question.user, understood, OFFERED)
        except Away as why:
            return (), (Fallback("recommender", "no products", str(why)),)
        return tuple(found), ()


def _language(text: str, dialogue: Dialogue) -> str:
    """That of the question; of the conversation when the question has no letters."""
    found = detect(text)
    if found != "und":
        return found
    return dialogue.turns[-1].answer.language if dialogue.turns else "en"
