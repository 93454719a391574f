"""The collector's parts: requests, what writes, what judges, what tells."""
