"""What is remembered: knowledge in Qdrant, conversations in Redis."""
