"""What remembers: one file per engine."""
