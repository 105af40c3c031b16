from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from attune_demo.catalog import products
from attune_demo.glossary import Glossary
from attune_demo.images import draw, picture

Records = list[dict[str, Any]]

CHINESE = re.compile("[一-鿿]")


@pytest.fixture(scope="module")
def catalogue() -> Records:
    return list(products())


def test_there_is_enough_to_choose_from(catalogue: Records) -> None:
    categories = Counter(product["category"] for product in catalogue)
    assert len(catalogue) >= 160
    assert len(categories) >= 12
    assert min(categories.values()) >= 5


def test_every_product_speaks_both_languages(catalogue: Records) -> None:
    for product in catalogue:
        for field in ("title", "description", "category_name"):
            assert not CHINESE.search(product[field]["en"]), product["product_id"]
            assert CHINESE.search(product[field]["zh"]), product["product_id"]
        for attribute in product["attributes"]:
            assert set(attribute["value"]) == {"en", "zh"}


def test_the_numbers_of_both_languages_are_the_same(catalogue: Records) -> None:
    for product in catalogue:
        english, chinese = (set(re.findall(r"\d+(?:\.\d+)?", product["title"][language])) for language in ("en", "zh"))
        assert english <= chinese or chinese <= english, product["title"]


def test_every_relation_leads_to_another_product(catalogue: Records) -> None:
    known = {product["product_id"] for product in catalogue}
    for product in catalogue:
        others = {relation["product_id"] for relation in product["relations"]}
        assert others <= known - {product["product_id"]}


def test_goes_with_holds_both_ways(catalogue: Records) -> None:
    pairs = {
        (product["product_id"], relation["product_id"])
        for product in catalogue
        for relation in product["relations"]
        if relation["kind"] == "goes_with"
    }
    assert pairs == {(second, first) for first, second in pairs}


def test_every_image_path_is_a_drawing_that_a_browser_can_read(catalogue: Records, tmp_path: Path) -> None:
    draw(tmp_path / "images")
    for product in catalogue:
        path = tmp_path / PurePosixPath(product["images"][0]["uri"])
        drawing = ET.fromstring(path.read_text("utf-8"))  # noqa: S314 - we wrote it
        assert drawing.tag == "{http://www.w3.org/2000/svg}svg"


def test_a_drawing_has_the_colour_of_its_product() -> None:
    assert '"#b5503c"' in picture(["p rect 10 20 30 40 5"], "#b5503c", "A brick")


def test_a_value_without_chinese_is_named() -> None:
    with pytest.raises(LookupError, match="moon dust"):
        Glossary.load().value("moon dust")


def test_a_quantity_is_translated_by_its_unit() -> None:
    assert Glossary.load().value("1.7 L") == {"en": "1.7 L", "zh": "1.7升"}
    assert Glossary.load().value("43 × 28 cm")["zh"] == "43×28厘米"
