"""Program to plan: columns, scans, and what is shared."""
