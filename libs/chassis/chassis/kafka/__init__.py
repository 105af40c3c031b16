"""Kafka in batches: nothing lost, nothing stalled by one bad record."""

from chassis.kafka.consumer import Consumer
from chassis.kafka.decode import proto_decoder
from chassis.kafka.freshness import Freshness, Offsets
from chassis.kafka.producer import Producer
from chassis.kafka.progress import Position, Progress
from chassis.kafka.records import Decoded, Decoder, Record, Rejected, Route, Slice, Source

__all__ = [
    "Consumer",
    "Decoded",
    "Decoder",
    "Freshness",
    "Offsets",
    "Position",
    "Producer",
    "Progress",
    "Record",
    "Rejected",
    "Route",
    "Slice",
    "Source",
    "proto_decoder",
]
