"""Moves a database of SQLite to PostgreSQL, row by row, and back.

It goes table by table in the order of keys. What has arrived is committed together with the place
up to which it has (`place`), so whatever ends it, the same command goes on from there. At the end
every row is read on both sides (`proof`).
"""
