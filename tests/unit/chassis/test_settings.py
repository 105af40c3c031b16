"""Settings are read once, and what is missing is told by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chassis.settings import ProcessSettings, load


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "broker:9092")
    assert load(ProcessSettings).kafka == "broker:9092"


@pytest.mark.parametrize("given", ["2.5", "PT2.5S"])
def test_a_time_is_given_in_seconds_or_as_an_iso_duration(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "broker:9092")
    monkeypatch.setenv("ATTUNE_SESSION_TIMEOUT", given)
    assert load(ProcessSettings).session_timeout == timedelta(seconds=2.5)


def test_a_missing_setting_ends_the_process_with_code_2_and_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ATTUNE_KAFKA", raising=False)
    with pytest.raises(SystemExit) as ended:
        load(ProcessSettings)
    assert ended.value.code == 2
    assert "ATTUNE_KAFKA: Field required" in capsys.readouterr().err


def test_a_wrong_setting_is_told_with_the_value_that_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "broker:9092")
    monkeypatch.setenv("ATTUNE_BATCH_RECORDS", "many")
    with pytest.raises(SystemExit):
        load(ProcessSettings)
    assert "ATTUNE_BATCH_RECORDS" in (said := capsys.readouterr().err)
    assert "'many'" in said
