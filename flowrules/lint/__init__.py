"""Findings on checked rulesets: what can be proved or advised before any flow is read."""
