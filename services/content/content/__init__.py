"""What to say? Texts whose every fact is in the product record, and experiments that learn."""
