"""State: one schema, one file of verbs for each aggregate, one transaction per verb."""
