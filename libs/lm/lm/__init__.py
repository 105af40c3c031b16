"""Language models as pure tools: texts to vectors, prompts to text. Knows no shop, user or message."""
