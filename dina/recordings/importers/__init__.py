"""Data that enter the road at trial responses instead of at a movie."""
