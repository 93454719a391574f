"""Questions to the database: SELECT only."""
