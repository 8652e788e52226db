"""All samples of a recipe as a table for an explorer of embeddings."""
