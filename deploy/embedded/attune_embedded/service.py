"""`python -m attune_embedded.service NAME`: what `python -m NAME` does, on the embedded broker unless --plain."""

from __future__ import annotations

import argparse
import runpy
import sys

from attune_embedded import parent, shim


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m attune_embedded.service", description=__doc__)
    parser.add_argument("name", help="package of the service, such as needs")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this parent process ends")
    parser.add_argument("--plain", action="store_true", help="on a real Kafka: nothing is changed in its client")
    arguments = parser.parse_args()
    if arguments.parent is not None:
        parent.bind(arguments.parent)
    if not arguments.plain:
        shim.apply()
    sys.argv = [arguments.name]
    runpy.run_module(arguments.name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
