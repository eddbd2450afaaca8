"""From planes to a session, and from a session to trial responses."""
