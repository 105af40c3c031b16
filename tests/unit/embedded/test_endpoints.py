from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from attune_embedded import endpoints, files, running

ALL = {
    "ATTUNE_KAFKA": "kafka:1",
    "ATTUNE_REDIS_URL": "redis://redis:2/0",
    "ATTUNE_NEEDS_ADDRESS": "needs:3",
    "ATTUNE_RECOMMENDER_ADDRESS": "recommender:4",
    "ATTUNE_QA_ADDRESS": "qa:5",
    "ATTUNE_CONTENT_ADDRESS": "content:6",
}


def platform(data: Path, kafka: str, *, created: float | None = None) -> dict[str, object]:
    """Write what a platform of this process would say of itself."""
    pid = os.getpid()
    created = psutil.Process(pid).create_time() if created is None else created
    record: dict[str, object] = {"pid": pid, "created": created, "data": str(data), "kafka": kafka, "needs": "here:7"}
    files.write(data / "platform.json", record)
    return record


def announce(env: dict[str, str], data: Path) -> None:
    running.add(env, data=data, pid=os.getpid(), created=psutil.Process().create_time())


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    found = endpoints.find(ALL, folder=tmp_path)
    assert (found.kafka, found.content, found.data) == ("kafka:1", "content:6", None)


def test_the_environment_wins_over_a_running_platform_address_by_address(tmp_path: Path, user: dict[str, str]) -> None:
    platform(tmp_path / ".attune", "folder:9")
    found = endpoints.find(user | {"ATTUNE_KAFKA": "kafka:1"}, folder=tmp_path)
    assert (found.kafka, found.needs) == ("kafka:1", "here:7")


def test_the_platform_of_the_folder_wins_over_the_newest_one(tmp_path: Path, user: dict[str, str]) -> None:
    platform(tmp_path / "elsewhere", "newest:8")
    announce(user, tmp_path / "elsewhere")
    assert endpoints.find(user, folder=tmp_path).kafka == "newest:8"
    platform(tmp_path / ".attune", "folder:9")
    assert endpoints.find(user, folder=tmp_path).kafka == "folder:9"


def test_the_newest_platform_wins_and_gives_way_when_it_ends(tmp_path: Path, user: dict[str, str]) -> None:
    for name in ("one", "two"):
        platform(tmp_path / name, f"{name}:1")
        announce(user, tmp_path / name)
    assert endpoints.find(user, folder=tmp_path).kafka == "two:1"
    running.remove(user, data=tmp_path / "two")
    assert endpoints.find(user, folder=tmp_path).kafka == "one:1"


def test_a_platform_that_ended_is_not_found_even_if_another_process_has_its_id(
    tmp_path: Path, user: dict[str, str]
) -> None:
    platform(tmp_path / ".attune", "folder:9", created=psutil.Process().create_time() - 3600)
    with pytest.raises(endpoints.NoPlatformError, match="attune up"):
        endpoints.find(user, folder=tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"pid": "x", "created": 1}', '[{"pid": 1}]', "null"])
def test_damaged_files_count_as_nothing(tmp_path: Path, user: dict[str, str], text: str) -> None:
    for file in (tmp_path / ".attune" / "platform.json", running.path(user)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    with pytest.raises(endpoints.NoPlatformError):
        endpoints.find(user, folder=tmp_path)
    announce(user, tmp_path / "new")
    assert running.newest_first(user) == [tmp_path / "new"]


def test_a_missing_address_says_how_to_give_it(tmp_path: Path, user: dict[str, str]) -> None:
    found = endpoints.find(user | {"ATTUNE_KAFKA": "kafka:1"}, folder=tmp_path)
    assert found.require("kafka") == "kafka:1"
    with pytest.raises(endpoints.UnknownEndpointError, match="ATTUNE_NEEDS_ADDRESS"):
        found.require("needs")


def test_without_xdg_the_list_is_in_the_home_folder(tmp_path: Path) -> None:
    assert running.path({"HOME": str(tmp_path)}) == tmp_path / ".local" / "state" / "attune" / "running.json"
