"""Data that enter the road later than at a movie: at the session, or at trial responses."""
