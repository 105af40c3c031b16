"""The words this service knows: claims, properties, and texts of its own."""
