"""What editors need to know of the language without reading a ruleset: its words, and two colourings."""
