"""Text to tree: parsing, positions, literals and diagnostics."""
