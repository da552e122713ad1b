"""Runs whose scans other processes carry out, on a Dask cluster."""
