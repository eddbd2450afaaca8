"""Batches, training loop and checkpoints."""
