"""Which partition of the log, and so which slot of the store, a person belongs to."""

from __future__ import annotations

from functools import lru_cache

_WORD = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


@lru_cache(maxsize=262_144)  # a key costs 5 µs, and the active customers come again and again
def partition_of(key: str, partitions: int) -> int:
    """Kafka's default placement of a keyed record: murmur2 of the UTF-8 key, sign bit dropped, modulo `partitions`."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 with the seed that Kafka's clients agree on."""
    hashed = _SEED ^ len(data)
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        hashed = (hashed * _MULTIPLIER & _WORD) ^ word
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    hashed = (hashed ^ hashed >> 13) * _MULTIPLIER & _WORD
    return hashed ^ hashed >> 15
