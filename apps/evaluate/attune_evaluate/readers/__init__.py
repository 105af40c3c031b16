"""Folders of data → a Dataset."""
