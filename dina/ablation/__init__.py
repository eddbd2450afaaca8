"""What decoding needs: image frequencies and neurons taken away."""
