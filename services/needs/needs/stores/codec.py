"""Words, shop records and guards as bytes."""

from __future__ import annotations

import msgspec

from needs.domain.links import Links
from needs.domain.shop_record import ShopRecord
from needs.domain.weights import TextKind
from needs.domain.words import Text, Words

Guard = dict[str, tuple[str, int]]  # topic → life of the log, next offset


class _Text(msgspec.Struct, array_like=True):
    text: str
    kind: int
    at: int
    weight: float
    event: int
    language: str


class _Words(msgspec.Struct, array_like=True):
    asked: int
    texts: list[_Text]


class _Record(msgspec.Struct, array_like=True):
    language: str
    region: str
    tier: str
    consents: dict[str, bool]
    attributes: dict[str, str]
    updated_at: int


_words = msgspec.msgpack.Decoder(_Words)
_record = msgspec.msgpack.Decoder(_Record)
_links = msgspec.msgpack.Decoder(tuple[int, tuple[str, ...]])
_guard = msgspec.json.Decoder(Guard)
_pack = msgspec.msgpack.Encoder().encode


def encode_words(words: Words) -> bytes:
    """Words as they are stored."""
    texts = [_Text(t.text, t.kind, t.at, t.weight, t.event, t.language) for t in words.texts]
    return _pack(_Words(words.asked, texts))


def decode_words(blob: bytes | None) -> Words:
    """Words as stored; none: no words."""
    if blob is None:
        return Words()
    held = _words.decode(blob)
    texts = tuple(Text(t.text, TextKind(t.kind), t.at, t.weight, t.event, t.language) for t in held.texts)
    return Words(texts, held.asked)


def encode_record(record: ShopRecord) -> bytes:
    """A shop record as it is stored."""
    return _pack(
        _Record(
            record.language,
            record.region,
            record.tier,
            dict(record.consents),
            dict(record.attributes),
            record.updated_at,
        )
    )


def decode_record(blob: bytes | None) -> ShopRecord | None:
    """A shop record as stored."""
    if blob is None:
        return None
    held = _record.decode(blob)
    return ShopRecord(held.language, held.region, held.tier, held.consents, held.attributes, held.updated_at)


def encode_links(links: Links) -> bytes:
    """Links as they are stored."""
    return _pack((links.dropped, links.ids))


def decode_links(blob: bytes | None) -> Links:
    """Links as stored; none: no links."""
    if blob is None:
        return Links()
    dropped, ids = _links.decode(blob)
    return Links(ids, dropped)


def encode_guard(guard: Guard) -> bytes:
    """The applied offsets of a partition as JSON, which an operator can read."""
    return msgspec.json.encode(guard)


def decode_guard(blob: bytes | None) -> Guard:
    """The applied offsets of a partition; none: nothing was applied."""
    return {} if blob is None else _guard.decode(blob)
