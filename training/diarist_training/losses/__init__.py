"""Losses by name. Each takes unit-norm embeddings (batch, dim) and integer labels (batch,)."""
