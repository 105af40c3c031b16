"""How good offers and searches are, and coefficients learned from a shop's own events."""
