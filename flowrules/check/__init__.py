"""Tree to program: names, imports, types and sides."""
