"""What the collector tells Prometheus: what its processes count, and what the database says."""
