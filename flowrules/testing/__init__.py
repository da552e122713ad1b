"""Tests of rulesets: run, measured, and tried on rules that were changed."""
