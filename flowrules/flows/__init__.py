"""The flow table, its readers and writers, and the sample network."""
