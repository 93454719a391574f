"""Builds, upgrades, rebuilds and checks the database."""
