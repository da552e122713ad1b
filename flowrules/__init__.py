"""flowrules: a language and engine for profiling networks from flow records."""

__version__ = "0.1.0"
