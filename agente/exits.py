"""Exit codes, as --help has them (settings.EPILOG)."""

DELIVERED, KEPT, USAGE, BUSY, REFUSED, LOST = range(6)
