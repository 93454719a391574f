"""PostgreSQL: what it needs that SQLite does not, and has otherwise.

Statements are written once, in words that both understand where that is possible
(docs/adr/0024-one-text-two-databases.md). What remains is here: `statements` turns placeholders and
SQLite's own turns of phrase into PostgreSQL's, `functions.sql` gives it the functions that SQLite
has, `tables` lays the tables out in partitions.
"""
