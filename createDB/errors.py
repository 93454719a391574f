"""What can be wrong with a database."""


class DatabaseUnusableError(Exception):
    """The database cannot be used as it is; the message is one line for its operator."""
