"""What was read out of words, as a reply tells it."""

from __future__ import annotations

from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1 import types_pb2 as types
from recommender.usecases.search import Page


def write_reading(made: Page, told: pb.QueryReading) -> None:
    """The words that were searched for, corrections, and conditions in the form in which a request gives them."""
    reading, read = made.reading, made.read
    told.text = reading.text
    told.typed.extend(reading.typed)
    told.corrected.extend(reading.corrected)
    told.without.extend(reading.without)
    told.filter.categories.extend(sorted(read.categories))
    told.filter.brands.extend(sorted(read.brands))
    for name, values in read.traits:
        told.filter.attributes.add(name=name, values=sorted(values))
    if reading.most is not None and read.currency:
        told.filter.max_price.CopyFrom(types.Money(currency=read.currency, amount=f"{reading.most:f}"))
    if reading.least is not None and read.currency:
        told.filter.min_price.CopyFrom(types.Money(currency=read.currency, amount=f"{reading.least:f}"))
