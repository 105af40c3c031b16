"""What the process of an index is told and tells: MessagePack, each frame after its length."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

LENGTH = struct.Struct("<I")
pack = msgspec.msgpack.Encoder().encode


class Narrow(msgspec.Struct, array_like=True):
    """What of a filter the engine is told; the rest is looked at afterwards."""

    in_stock: bool
    brands: list[str]
    categories: list[str]
    currency: str
    least: float | None
    most: float | None


class Put(msgspec.Struct, array_like=True, tag="put"):
    """Write points."""

    places: list[int]
    vectors: bytes  # float32, (n, dim)
    payloads: list[dict[str, Any]]


class Drop(msgspec.Struct, array_like=True, tag="drop"):
    """Remove points; unknown ones are no error."""

    places: list[int]


class Near(msgspec.Struct, array_like=True, tag="near"):
    """Find the nearest; answered by Found."""

    vector: bytes  # float32, (dim,)
    k: int
    narrow: Narrow | None


class Tell(msgspec.Struct, array_like=True, tag="tell"):
    """Tell which record each point is of; answered by Held."""


class Build(msgspec.Struct, array_like=True, tag="build"):
    """Make searches fast for all that was written so far; answered by Held, of nothing, when it is on disk."""


Asked = Put | Drop | Near | Tell | Build


class Found(msgspec.Struct, array_like=True, tag="found"):
    """In about the order of nearness."""

    places: bytes  # int64, (n,)


class Held(msgspec.Struct, array_like=True, tag="held"):
    """Point by point."""

    places: bytes  # int64, (n,)
    stamps: bytes  # int64, (n,): of the record it was made from
    late: bytes  # bool, (n,): it was written after the index was built


Told = Found | Held
asked = msgspec.msgpack.Decoder(Asked).decode
told = msgspec.msgpack.Decoder(Told).decode
