"""Kinds of shoppers, and the people who are of such a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attune_demo.source import bilingual, table

TIERS = ("basic", "silver", "basic", "gold", "silver", "basic")
REFUSES_MARKETING = 4  # place in the persona's list of the one who does


@dataclass(frozen=True)
class Persona:
    id: str
    name: Mapping[str, str]  # by language
    languages: Sequence[str]  # one a person
    regions: Sequence[str]  # the same people, ISO 3166
    spends: float  # how much price puts them off: 0 not at all, 1 like most people
    visits_per_week: float
    hours: tuple[int, int]  # a visit begins between these hours of the day, in UTC
    likes: Mapping[str, float]  # category → share of attention; what is left to 1 goes anywhere
    attributes: Mapping[str, str]
    searches: Mapping[str, Sequence[str]]  # by language
    questions: Mapping[str, Sequence[str]]  # by language
    reviews: Mapping[str, Sequence[str]]  # by language


@dataclass(frozen=True)
class Shopper:
    user_id: str
    persona: Persona
    language: str  # BCP 47
    region: str
    tier: str
    marketing: bool  # consents to texts that advertise


def personas() -> list[Persona]:
    """In the order of the source."""
    return [
        Persona(**{**written, "name": bilingual(written["name"]), "hours": tuple(written["hours"])})
        for written in table("personas.toml")["persona"]
    ]


def shoppers() -> Iterator[Shopper]:
    """Everyone: `tea-lover-1`, `tea-lover-2`, …"""
    for persona in personas():
        for number, (language, region) in enumerate(zip(persona.languages, persona.regions, strict=True)):
            yield Shopper(
                user_id=f"{persona.id}-{number + 1}",
                persona=persona,
                language=language,
                region=region,
                tier=TIERS[number % len(TIERS)],
                marketing=number != REFUSES_MARKETING,
            )


def users() -> Iterator[dict[str, Any]]:
    """What the shop knows of each of them, in the JSON form of `attune.events.v1.UserRecord`."""
    for shopper in shoppers():
        yield {
            "user_id": shopper.user_id,
            "language": shopper.language,
            "region": shopper.region,
            "tier": shopper.tier,
            "consents": {"marketing": shopper.marketing, "personalisation": True},
            "attributes": dict(shopper.persona.attributes),
        }
