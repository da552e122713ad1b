"""Site binding, and where rulesets are found."""
