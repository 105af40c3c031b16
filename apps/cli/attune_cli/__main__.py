"""`python -m attune_cli` is `attune`."""

from attune_cli.main import main

main()
