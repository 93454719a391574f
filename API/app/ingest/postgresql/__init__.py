"""How rows go into PostgreSQL, and how several collectors keep out of each other's way.

docs/adr/0026-rows-of-reports-in-postgresql.md says why.
"""
