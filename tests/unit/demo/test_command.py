from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from attune_demo import __main__ as command


def test_the_command_writes_the_shop_with_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["attune_demo", str(tmp_path / "shop"), "--until", "2026-12-01", "--days", "7"])
    command.main()
    names = {path.name for path in (tmp_path / "shop").iterdir()}
    assert names == {
        "catalog.jsonl", "users.jsonl", "knowledge.jsonl", "templates.jsonl", "rules.jsonl", "events.jsonl", "images"
    }  # fmt: skip
    assert "181 pictures" in capsys.readouterr().out


def test_a_time_that_is_none_is_refused_with_a_usage_message(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "attune_demo", str(tmp_path), "--until", "soon"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "--until" in ended.stderr
