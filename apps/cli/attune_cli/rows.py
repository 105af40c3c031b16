"""Files of lines → rows with their line numbers: JSONL, CSV, and YAML lists, each also as .gz."""

from __future__ import annotations

import csv
import gzip
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import IO, Any, Self, cast

import msgspec

from attune_cli.failures import BadInput
from chassis.kafka import Rejected

_KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "tsv", ".yaml": "yaml",
          ".yml": "yaml"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: its cells, or why it could not be read."""

    line: int  # from 1, the header of a CSV file included
    cells: dict[str, Any] | Rejected


class Rows:
    """The rows of a file, read as they are asked for; `-` is standard input and JSONL.

    Raises BadInput when opened for a name whose ending says no form that can be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        suffixes = [suffix.lower() for suffix in Path(name).suffixes]
        packed = suffixes[-1:] == [".gz"]
        ending = (suffixes[:-1] if packed else suffixes)[-1:]
        self.form = "jsonl" if name == "-" else _KINDS.get("".join(ending), "")
        if not self.form:
            known = ", ".join(_KINDS)
            raise BadInput(f"{name}: the ending says no form that can be read: name it {known}, also with .gz")
        self._raw: IO[bytes] = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - closed in __exit__
        self.size = None if name == "-" else Path(name).stat().st_size
        unpacked = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
        newline = "" if self.form in {"csv", "tsv"} else "\n"
        self._text = TextIOWrapper(
            cast("BufferedReader", unpacked), encoding="utf-8-sig", errors="replace", newline=newline
        )
        self.columns: list[str] = []  # of a CSV file, known at once
        if self.form in {"csv", "tsv"}:
            self._csv = csv.reader(self._text, delimiter="\t" if self.form == "tsv" else ",")
            self.columns = next(self._csv, [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.name != "-":
            self._raw.close()

    @property
    def is_table(self) -> bool:
        """Whether cells are texts without types, that have to be read by the contract's types."""
        return self.form in {"csv", "tsv"}

    def position(self) -> int:
        """Bytes of the file that were read, for a bar of progress."""
        return 0 if self.size is None else self._raw.tell()

    def __iter__(self) -> Iterator[Row]:
        if self.is_table:
            return self._lines_of_csv()
        return self._items_of_yaml() if self.form == "yaml" else self._lines_of_json()

    def _lines_of_json(self) -> Iterator[Row]:
        for number, line in enumerate(self._text, 1):
            if line.strip():
                yield Row(number, _object(line))

    def _lines_of_csv(self) -> Iterator[Row]:
        while True:
            line = self._csv.line_num + 1
            try:
                values = next(self._csv)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, Rejected("malformed-csv", remedy=f"write one row of CSV ({error})"))
                continue
            if len(values) > len(self.columns):
                remedy = f"write {len(self.columns)} cells, quoting those that hold a separator"
                yield Row(line, Rejected("malformed-csv", value=f"{len(values)} cells", remedy=remedy))
            elif values:
                yield Row(line, dict(zip(self.columns, values, strict=False)))

    def _items_of_yaml(self) -> Iterator[Row]:
        try:
            yaml = importlib.import_module("yaml")
        except ImportError:
            raise BadInput(f"{self.name}: YAML needs PyYAML: pip install pyyaml, or give JSONL or CSV") from None
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(self._text)
        try:
            listed = loader.get_single_node()
            for node in getattr(listed, "value", []):
                item = loader.construct_object(node, deep=True)
                good = isinstance(item, dict)
                yield Row(node.start_mark.line + 1, item if good else Rejected("not-an-object", value=item,
                          remedy="write a list of objects"))  # fmt: skip
        except yaml.YAMLError as error:
            raise BadInput(f"{self.name}: not YAML: {' '.join(str(error).split())}") from None


def _object(line: str) -> dict[str, Any] | Rejected:
    try:
        given = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        return Rejected("malformed-json", value=line.strip()[:48], remedy=f"write one JSON object per line ({error})")
    if not isinstance(given, dict):
        return Rejected("malformed-json", value=given, remedy="write one JSON object per line")
    return given
