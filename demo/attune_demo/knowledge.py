"""Knowledge records in the JSON form of `attune.events.v1.KnowledgeEntry`: each question in English and in Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_demo.source import LANGUAGES, bilingual, folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def entries() -> Iterator[dict[str, Any]]:
    """Two entries a family, `returns.how.en` and `returns.how.zh`, in the order of the source."""
    for chapter in folder("knowledge"):
        sources = bilingual(chapter["source"])
        for family in chapter["entry"]:
            for language in LANGUAGES:
                yield _record(chapter["topic"], family, language, sources[language])


def _record(topic: str, family: Mapping[str, Any], language: str, source: str) -> dict[str, Any]:
    words = family[language]
    return {
        "entry_id": f"{family['family']}.{language}",
        "family": family["family"],
        "language": language,
        "question": words["question"],
        "variants": words["variants"],
        "answer": words["answer"],
        "topic": topic,
        "source": source,
        "product_ids": family.get("products", []),
    }
