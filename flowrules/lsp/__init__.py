"""The language server: what an editor shows of rulesets as they are typed."""
