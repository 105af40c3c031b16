"""Coefficients of f(u,p) learned from a shop's own events, behind a gate that refuses what is not surely better."""
