from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from attune_cli.failures import BadInput
from attune_cli.rows import Row, Rows
from chassis.kafka import Rejected


def _read(path: Path) -> list[Row]:
    with Rows(str(path)) as rows:
        return list(rows)


def test_lines_of_json_keep_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1}\n\nnot json\n[1]\n{"a": 2}\n', encoding="utf-8")
    found = _read(file)
    assert [row.line for row in found] == [1, 3, 4, 5]
    assert [row.cells for row in found if isinstance(row.cells, dict)] == [{"a": 1}, {"a": 2}]
    assert all(isinstance(row.cells, Rejected) and "JSON object" in row.cells.remedy for row in found[1:3])


def test_rows_of_csv_count_lines_not_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('\ufeffid,name\r\n1,"two\r\nlines"\r\n2,水壶\r\n3,a,b\r\n'.encode())
    found = _read(file)
    assert [row.line for row in found] == [2, 4, 5]
    assert found[0].cells == {"id": "1", "name": "two\r\nlines"}
    assert found[1].cells == {"id": "2", "name": "水壶"}
    assert isinstance(found[2].cells, Rejected)


def test_a_packed_file_reads_like_an_open_one(tmp_path: Path) -> None:
    file = tmp_path / "a.tsv.gz"
    file.write_bytes(gzip.compress(b"id\tname\n1\tKettle\n"))
    assert _read(file) == [Row(2, {"id": "1", "name": "Kettle"})]


def test_a_list_in_yaml_is_read_where_pyyaml_is_there(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="YAML needs PyYAML")
    file = tmp_path / "a.yaml"
    file.write_text("- id: k1\n  price: 9.5\n- id: k2\n- 3\n", encoding="utf-8")
    found = _read(file)
    assert [row.line for row in found] == [1, 3, 4]
    assert found[0].cells == {"id": "k1", "price": 9.5}
    assert isinstance(found[2].cells, Rejected)


def test_a_file_of_an_unknown_form_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.xlsx: the ending says no form that can be read: name it \.jsonl"):
        Rows(str(tmp_path / "a.xlsx"))
