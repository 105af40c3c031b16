"""What to offer? Products for a person, each with the terms of its score."""
