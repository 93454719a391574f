"""From an accepted report to the disk: the JSON log, the tables, and the one thread that writes."""
