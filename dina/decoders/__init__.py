"""DINA and its rivals behind one interface."""
