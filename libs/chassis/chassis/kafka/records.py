"""Records, before and after decoding, and the reasons to refuse one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from chassis.violations import shorten

T = TypeVar("T")
_LONGEST_FIELD, _LONGEST_REMEDY = 200, 1_000  # characters; both may name what a record holds a thousand times


@dataclass(frozen=True, slots=True)
class Source:
    """One partition in one life of the log. Offsets of two lives are never compared."""

    log: str  # never parsed: cluster and topic id, or the identity the embedded broker minted at its start
    topic: str
    partition: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as Kafka gave it."""

    offset: int
    key: str | None
    value: bytes | None  # None: tombstone
    headers: Mapping[str, str]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """A record that could be read."""

    offset: int
    key: str
    value: T | None  # None: tombstone
    at: int = 0  # milliseconds since 1970, as Kafka has it; 0: nobody told


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The records of one partition in one batch, in offset order, without those that could not be read."""

    source: Source
    items: Sequence[Decoded[T]]
    next_offset: int  # one after the last record of the batch, the bad ones included
    begins: int = 0  # what lies before it is in the sinks, as far as this process knows; see Rewound


class Rewound(Exception):
    """The sink holds less than this process has written to it: it came back without its last writes.

    Raised by a handler whose sink keeps its own offsets, when they are below `Slice.begins`; reading goes back.
    """

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        super().__init__(f"the sink holds what lies before offset {next_offset} only")


class Rejected(Exception):
    """This record can never succeed as it is: it belongs in the topic's `.dead`.

    Each part is cut to a length that fits into a header, however much is wrong with the record.
    """

    def __init__(self, reason: str, *, field: str = "", value: object = "", remedy: str = "") -> None:
        self.reason, self.value = reason, shorten(value)
        self.field, self.remedy = _cut(field, _LONGEST_FIELD), _cut(remedy, _LONGEST_REMEDY)
        about = f" {self.field}" if field else ""
        given = f" = {self.value}" if self.value else ""
        super().__init__(f"{reason}:{about}{given}" + (f"; {self.remedy}" if remedy else ""))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


Decoder = Callable[[Record], T]  # raises Rejected
# All records of a slice at once, none of them too large; tombstones are refused. The items are in offset order.
SliceDecoder = Callable[[Sequence[Record]], tuple[Sequence[Decoded[T]], list[tuple[int, Rejected]]]]


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """What is done with the records of one topic."""

    topic: str
    decode: Decoder[T] | None  # None: `decode_slice` does it
    # Must be idempotent or guarded: after a crash the same or an overlapping slice comes again.
    # Returns the offsets it refuses after decoding, each with its reason; usually nothing.
    handle: Callable[[Slice[T]], Awaitable[Sequence[tuple[int, Rejected]]]]
    owner: bool = True  # only one service writes a topic's unreadable records to `.dead`
    decode_slice: SliceDecoder[T] | None = None  # where one by one costs too much
    at_once: int | None = None  # records that are applied before others have their turn; None: the whole slice
