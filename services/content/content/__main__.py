"""`python -m content`."""

from __future__ import annotations

import asyncio

from content.app import main

asyncio.run(main())
