"""What is remembered, one file per engine."""
