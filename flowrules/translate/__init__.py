"""SiLK pipelines as rulesets, and what their last tool would have printed."""
