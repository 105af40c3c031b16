"""Needs and recommender in one process: their own handlers, verbs and domain, on ports without engines."""
