"""What was said to a person, so that outcomes can refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from content.domain.languages import primary

_LONGEST = 128  # characters of an id, as the contract has it


class Outcome(StrEnum):
    """What came of a text."""

    IMPRESSION = "impression"
    CLICK = "click"
    PURCHASE = "purchase"


@dataclass(frozen=True, slots=True)
class Composition:
    """A text that was composed for a person. The words themselves are not kept."""

    composition_id: str
    experiment_id: str
    variant_id: str
    context: str
    appeal: str
    product_id: str
    propensity: float
    at: int  # milliseconds since 1970


def experiment_id(channel: str, language: str) -> str:
    """`push.en`: one experiment per channel and language."""
    return shortened(f"{channel}.{primary(language)}")


def shortened(name: str) -> str:
    """An id that fits the contract: a longer one keeps its beginning and gets a digest."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[:100]}~{blake2b(name.encode(), digest_size=8).hexdigest()}"
