"""Who wants what? Keeps one live understanding of each customer's need and answers from it."""
