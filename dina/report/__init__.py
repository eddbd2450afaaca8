"""The report page and the terminal summary."""
