"""What the shop itself keeps of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ShopRecord:
    """As the shop last sent it; empty text where it says nothing."""

    language: str = ""  # BCP 47
    region: str = ""  # ISO 3166
    tier: str = ""
    consents: Mapping[str, bool] = field(default_factory=dict)  # purpose → given or refused
    attributes: Mapping[str, str] = field(default_factory=dict)
    updated_at: int = 0  # milliseconds since 1970; 0: not said
