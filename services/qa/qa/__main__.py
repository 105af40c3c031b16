"""`python -m qa`."""

from __future__ import annotations

import asyncio

from qa.app import main

asyncio.run(main())
