"""Whom a text is for, as far as choosing words needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DEFAULT_TENANT = "default"
MARKETING = "marketing"  # the purpose a person consents to


class Person(NamedTuple):
    """A customer of one shop."""

    tenant: str
    user: str

    @classmethod
    def of(cls, tenant: str, user: str) -> Person:
        """The person of a message, where an empty tenant means the default one."""
        return cls(tenant or DEFAULT_TENANT, user)


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Quartiles of the prices of what a person liked."""

    currency: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Customer:
    """What the needs service tells; the default is someone nobody knows anything of."""

    known: bool = False
    language: str = ""  # BCP 47; empty: not known
    consents: Mapping[str, bool] = field(default_factory=dict)  # purpose → given or refused
    kinds: Mapping[str, int] = field(default_factory=dict)  # behaviour kind → count
    categories: Mapping[str, float] = field(default_factory=dict)  # id → share of positive behaviours
    brands: Mapping[str, float] = field(default_factory=dict)  # name → share
    prices: PriceBand | None = None
    words: Mapping[str, float] = field(default_factory=dict)  # the sparse need
    vector: NDArray[np.float32] | None = None  # r_u, (dim,), unit length
    space: str = ""  # of the vector
    seen: frozenset[str] = frozenset()  # products of R_u


class NoConsent(Exception):
    """The person did not agree to be addressed on this channel."""

    field = "channel"

    def __init__(self, channel: str, refused: str) -> None:
        self.value = channel
        why = f"the person refused {refused!r}" if refused else f"the person has not agreed to {MARKETING!r}"
        self.remedy = f"ask for consent, and send it as consents.{refused or MARKETING} in attune.users.v1"
        super().__init__(f"{why}, and {channel!r} is a marketing channel; {self.remedy}")


def require_consent(customer: Customer, channel: str) -> None:
    """Raises NoConsent unless the person agreed to marketing, or to this channel by name, and refused neither."""
    refused = next((purpose for purpose in (channel, MARKETING) if customer.consents.get(purpose) is False), "")
    agreed = any(customer.consents.get(purpose) for purpose in (channel, MARKETING))
    if refused or not agreed:
        raise NoConsent(channel, refused)
