"""What can be decoded: identification, reconstruction, categories, with intervals."""
