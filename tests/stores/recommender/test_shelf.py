"""Products on disk, and what a full one leaves of them."""

from __future__ import annotations

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
    for _ in range(24):  # more old records than new ones: time to write a new file, for which there is no room
        shelf.put(5, product("again", _LARGE))
    assert shelf._end == 30 * _LARGE
    assert names(shelf, range(6)) == ["p0", "p1", "p2", "p3", "p4", "again"]
