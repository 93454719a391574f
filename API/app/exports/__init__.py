"""Rows in the formats in which they leave."""
