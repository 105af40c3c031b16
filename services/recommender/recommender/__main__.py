"""`python -m recommender`."""

from __future__ import annotations

import asyncio

from recommender.app import main

asyncio.run(main())
