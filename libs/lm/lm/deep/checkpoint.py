"""Where a model's files lie, and which model they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

READ = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
OLD_WEIGHTS = ["*.bin"]
OTHER_RUNTIMES = ["onnx/*", "openvino/*", "coreml/*", "original/*"]
SHORT = 12  # hexadecimal digits of a revision that are shown


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of weights and what to call it."""

    folder: Path
    name: str  # of the folder, or on the hub
    revision: str  # the commit on the hub; for a folder, a hash of what is in it

    def __str__(self) -> str:
        return f"{self.name}@{self.revision[:SHORT]}"


def find(path_or_name: str, revision: str | None = None) -> Checkpoint:
    """A local folder as it is; else a hub name, from the hub's cache or the hub (HF_HUB_OFFLINE=1: the cache alone).

    Raises ValueError for a folder or a name that is not there.
    """
    folder = Path(path_or_name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"{path_or_name!r} is a folder, which has no revision {revision!r}; leave it out")
        if not (folder / "config.json").is_file():
            raise ValueError(f"the folder {path_or_name!r} holds no model: there is no config.json in it")
        return Checkpoint(folder, folder.resolve().name, _fingerprint(folder))
    if path_or_name.startswith(("/", ".", "~")):
        raise ValueError(f"there is no folder {path_or_name!r}")
    fetched = _fetch(path_or_name, revision)
    return Checkpoint(fetched, path_or_name, fetched.name)


def _fetch(name: str, revision: str | None) -> Path:
    """The snapshot's folder, which the hub's cache names by its commit. Old weight files only for want of new ones."""
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=READ, ignore_patterns=OTHER_RUNTIMES))
        if not any(folder.glob("*.safetensors")):
            snapshot_download(name, revision=folder.name, allow_patterns=OLD_WEIGHTS, ignore_patterns=OTHER_RUNTIMES)
    except (OSError, HFValidationError) as error:  # every error of the hub and of the network is an OSError
        at = f"{name}@{revision}" if revision else name
        raise ValueError(
            f"cannot load the model {at!r}: no such folder, and neither the cache nor the hub gives it "
            f"({type(error).__name__}); name a local folder, or allow the hub (HF_HUB_OFFLINE=0)"
        ) from error
    return folder


def _fingerprint(folder: Path) -> str:
    """Changes when any file that decides about vectors or texts does; reads 1 GB in about a second."""
    digest = hashlib.sha256()
    files = {path for pattern in READ + OLD_WEIGHTS for path in folder.rglob(pattern) if path.is_file()}
    for path in sorted(files):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
