"""Do the servers comply? Policies, their queries, what they say of each report, and since when."""
