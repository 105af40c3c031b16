"""Who a person is, and short fixed-size names of products, facets and events."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DEFAULT_TENANT = "default"
Names = NDArray[np.uint64]  # 64-bit names; 0 is nobody's


class Person(NamedTuple):
    """A customer of one shop."""

    tenant: str
    user: str

    @classmethod
    def of(cls, tenant: str, user: str) -> Person:
        """The person of a message, where an empty tenant means the default one."""
        return cls(tenant or DEFAULT_TENANT, user)


def names(texts: Iterable[str]) -> Names:
    """A 64-bit name (BLAKE2b) of each text, the same in every process and release, never 0."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    hashed = np.frombuffer(digests, dtype="<u8").astype(np.uint64)
    hashed[hashed == 0] = 1  # 0 marks an empty place
    return hashed


def name(text: str) -> int:
    """The 64-bit name of one text: `names` of it alone."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") or 1


def product_name(tenant: str, product_id: str) -> int:
    """The 64-bit name of a product of a shop; a tenant has no slash in its name, so that no two products meet."""
    return name(f"{tenant}/{product_id}")
