"""DINA's image tower, neural tower and contrastive loss."""
