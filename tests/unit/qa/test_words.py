"""The small words of the service: pieces, parts, numbers, names of products."""

from __future__ import annotations

import pytest

from qa.domain.products import Product, ProductBook
from qa.domain.wording import numbers_not_in, parts, pieces


@pytest.mark.parametrize("text", ["", "One.", "One. Two! 三。四？\n- five", "no end", "4.90 euro. From 50 euro.\n\n"])
def test_pieces_add_up_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_a_piece_is_a_sentence() -> None:
    assert pieces("It costs 4.90 euro. It is free from 50.") == ["It costs 4.90 euro. ", "It is free from 50."]


@pytest.mark.parametrize(
    ("message", "questions"),
    [
        ("How do I pay and when is it delivered?", 2),
        ("How do I pay? When is it delivered?", 2),
        ("怎么付款？多久能到？", 2),
        ("black and white cups", 1),
        ("Do you sell salt and pepper mills?", 1),
    ],
)
def test_a_message_may_hold_several_questions(message: str, questions: int) -> None:
    assert len(parts(message)) == questions


def test_numbers_that_no_source_states_are_found() -> None:
    assert numbers_not_in("It costs 4.90 and takes 3 days", ["4.90 euro", "within 5 days"]) == {"3"}


def test_a_product_is_found_by_the_head_of_its_name_and_gone_when_removed() -> None:
    book = ProductBook()
    book.put(Product("default", "cup", {"en": "Dew Tasting Cups, Set of 4"}, {}))
    book.put(Product("default", "pot", {"en": "Dew Teapot, 1 l"}, {}))
    named = book.named_in("are the Dew Tasting Cups heavy?")
    assert named is not None
    assert named[0].product_id == "cup"
    assert "Dew" not in named[1]
    assert book.named_in("do you have cups?") is None
    book.remove("cup")
    assert book.named_in("are the Dew Tasting Cups heavy?") is None
