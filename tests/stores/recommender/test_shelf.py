"""Products on disk, and what a full one leaves of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, small_disk

from recommender.domain.product import Key, Product
from recommender.stores.shelf import FileShelf

_LARGE = 1_000_000


def product(name: str, size: int = 100) -> Product:
    return Product(Key("shop", name), {"en": name}, record=f"{name}:".encode().ljust(size, b"."))


def parsed(record: bytes) -> Product:
    return product(record.decode().partition(":")[0], len(record))


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 40) as folder:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        yield folder


@pytest.fixture
def shelf(disk: Path) -> Iterator[FileShelf]:
    """On that disk."""
    assert disk.exists()
    made = FileShelf(parsed)
    yield made
    made._file.close()


def names(shelf: FileShelf, places: range) -> list[str]:
    return [shelf.at(place).key.product_id for place in places]


def test_a_record_takes_the_place_of_the_one_before_unless_it_has_grown(shelf: FileShelf) -> None:
    for place in range(3):
        shelf.put(place, product(f"p{place}"))
    for size in (100, 80, 120, 100) * 1_000:
        shelf.put(1, product(f"new{size}", size))
    assert os.fstat(shelf._file.fileno()).st_size < 1_000
    assert names(shelf, range(3)) == ["p0", "new100", "p2"]


def test_records_that_have_grown_are_all_in_the_new_file(shelf: FileShelf) -> None:
    for size in range(1, 16):
        for place in range(20):
            shelf.put(place, product(f"p{place}-{size}", 10_000 * size))
    shelf.remove(3)
    assert os.fstat(shelf._file.fileno()).st_size < 10_000_000
    assert names(shelf, range(3)) == ["p0-15", "p1-15", "p2-15"]
    assert names(shelf, range(4, 20)) == [f"p{place}-15" for place in range(4, 20)]
    with pytest.raises(KeyError):
        shelf.at(3)


def test_a_full_disk_leaves_what_was_there_and_takes_it_when_there_is_room(shelf: FileShelf, disk: Path) -> None:
    for place in range(3):
        shelf.put(place, product(f"p{place}"))
    fill(disk / "filler")
    with pytest.raises(OSError, match="No space"):
        shelf.put(1, product("new", _LARGE))
    assert names(shelf, range(3)) == ["p0", "p1", "p2"]
    (disk / "filler").unlink()
    shelf.put(1, product("new", _LARGE))
    assert names(shelf, range(3)) == ["p0", "new", "p2"]


def test_without_room_for_a_second_file_the_first_one_goes_on(shelf: FileShelf, disk: Path) -> None:
    for place in range(6):
        shelf.put(place, product(f"p{place}", _LARGE))
    (disk / "filler").write_bytes(bytes(9 * _LARGE))
    for more in range(1, 25):  # more old records than new ones: time to write a new file, for which there is no room
        shelf.put(5, product("again", _LARGE + 100 * more))
    assert shelf._end >= 30 * _LARGE
    assert names(shelf, range(6)) == ["p0", "p1", "p2", "p3", "p4", "again"]
