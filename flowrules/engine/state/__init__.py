"""Parts of runs kept in a folder, so that files read before are not read again."""
