"""Kafka in batches: nothing lost, nothing stalled by one bad record."""

from chassis.kafka.consumer import Consumer
from chassis.kafka.decode import proto_decoder
from chassis.kafka.freshness import Freshness, Offsets
from chassis.kafka.producer import Producer
from chassis.kafka.progress import Gap, Position, Progress
from chassis.kafka.records import (
    Decoded,
    Decoder,
    Record,
    Rejected,
    Rewound,
    Route,
    Slice,
    SliceDecoder,
    Source,
)

__all__ = [
    "Consumer",
    "Decoded",
    "Decoder",
    "Freshness",
    "Gap",
    "Offsets",
    "Position",
    "Producer",
    "Progress",
    "Record",
    "Rejected",
    "Rewound",
    "Route",
    "Slice",
    "SliceDecoder",
    "Source",
    "proto_decoder",
]
