"""`python -m attune_embedded --data DIR`: the platform alone, for scripts; `attune up` is the friendlier door."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from attune_embedded.child import StartError
from attune_embedded.plan import SERVICES
from attune_embedded.platform import DataInUseError, Platform
from attune_embedded.supervision import Notice


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m attune_embedded", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".attune"), help="folder of all state (default: .attune)")
    parser.add_argument("--services", nargs="+", default=list(SERVICES), metavar="NAME", help="default: all four")
    arguments = parser.parse_args()
    try:
        asyncio.run(_run(Platform(arguments.data, services=arguments.services, report=_tell)))
    except (DataInUseError, StartError) as error:
        raise SystemExit(str(error)) from error


async def _run(platform: Platform) -> None:
    """Print the addresses as one line of JSON once all is ready; end with SIGTERM, SIGINT or SIGHUP."""
    work = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: work and work.cancel())
    try:
        async with platform:
            sys.stdout.write(json.dumps(asdict(platform.endpoints), default=str) + "\n")
            sys.stdout.flush()
            await platform.wait()
    except asyncio.CancelledError:
        return


def _tell(notice: Notice) -> None:
    sys.stderr.write(f"{notice.process} {notice.event} {notice.detail}".rstrip() + "\n")


if __name__ == "__main__":
    main()
