from __future__ import annotations

import pytest
from typer.testing import CliRunner

from attune.recommender.v1.recommender_pb2 import Filter, QueryReading
from attune.types.v1.types_pb2 import AttributeMatch, Money
from attune_cli.main import app
from attune_cli.search import told


def test_what_was_read_is_told_a_line_each() -> None:
    reading = QueryReading(
        text="kettle",
        typed=["ketle"],
        corrected=["kettle"],
        without=["plastic"],
        filter=Filter(
            max_price=Money(currency="EUR", amount="50"),
            brands=["Fennhaven"],
            attributes=[AttributeMatch(name="capacity", values=["1.5 l", "1.5升"])],
        ),
    )
    assert told(reading) == [
        "ketle → kettle",
        "price: at most 50 EUR",
        "brand: Fennhaven",
        "capacity: 1.5 l or 1.5升",
        "without: plastic",
    ]
    assert told(QueryReading(text="kettle")) == []


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--max-price", "cheap", "write an amount and its currency"),
        ("--min-price", "50", "such as 50EUR"),
        ("--attribute", "red", "write NAME=VALUE"),
    ],
)
def test_an_option_that_cannot_be_read_says_how_to_write_it(option: str, given: str, said: str) -> None:
    done = CliRunner().invoke(app, ["search", "kettle", option, given])
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)
