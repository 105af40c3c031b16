"""Free ports of 127.0.0.1, the same ones again where possible."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

from attune_embedded import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Below the range from which systems give ports to outgoing connections, so that a remembered one is rarely taken.
_RANGE = range(20_000, 32_000)
_REMEMBERED = range(1, 65_536)  # somebody may have written another one into the file
_TRIES = 1_000


def remember(path: Path, names: Sequence[str], chance: random.Random) -> dict[str, int]:
    """One free port per name: the one that the file remembers when it is still free. The file is brought up to date.

    Raises:
        OSError: no free port was found.
    """
    known = files.read(path)
    before: dict[str, int] = known if isinstance(known, dict) else {}
    chosen: dict[str, int] = {}
    for name in names:
        candidates = _candidates(before.get(name), chance)
        chosen[name] = next((port for port in candidates if port not in chosen.values() and free(port)), 0)
        if not chosen[name]:
            raise OSError(f"no free port on 127.0.0.1 in {_RANGE.start}–{_RANGE.stop - 1}")
    files.write(path, before | chosen)
    return chosen


def free(port: int) -> bool:
    """Whether nobody listens there. Connections of an earlier run that linger do not count."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _candidates(before: object, chance: random.Random) -> Iterator[int]:
    if isinstance(before, int) and before in _REMEMBERED:
        yield before
    for _ in range(_TRIES):
        yield chance.choice(_RANGE)
