"""The one layout: tokens with their comments and blank lines in, text out; the tree is only ever compared."""
