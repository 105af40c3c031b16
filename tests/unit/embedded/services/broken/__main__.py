"""A service that cannot run."""

raise SystemExit("ATTUNE_SHOE_SIZE: Field required")
