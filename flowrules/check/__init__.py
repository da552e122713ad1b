"""Tree to program: names, imports, types, and what can be proved about predicates."""
