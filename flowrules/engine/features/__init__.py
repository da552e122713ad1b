"""Features of hosts that need more than a count: ports, services, hours, rhythm.

Pure functions over columns.  A batch function takes the rows of many hosts at once, with ``host`` a column
of dense numbers 0 .. ``hosts`` - 1, and answers in columns with one row a host; a function named in the
singular takes one host's rows and answers in one value.  Nothing here depends on the order of rows.
"""
