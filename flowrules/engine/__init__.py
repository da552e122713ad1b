"""Plan and flows to results: numpy kernels, sets, grouping."""
