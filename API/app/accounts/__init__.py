"""People: their accounts, what lets them in, and what they may do."""
