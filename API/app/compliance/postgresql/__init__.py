"""What judging does otherwise where the database is PostgreSQL."""
