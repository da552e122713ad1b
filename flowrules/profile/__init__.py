"""Features to verdicts, anomalies, entries and evidence."""
