"""`python -m needs`."""

from __future__ import annotations

import asyncio

from needs.app import main

asyncio.run(main())
