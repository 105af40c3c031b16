"""`python -m recommender`."""

from __future__ import annotations

import asyncio
import os

# What is computed takes microseconds; on busy cores, waiting for a second thread takes twenty times as long. numpy
# reads this when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from recommender.app import main

asyncio.run(main())
