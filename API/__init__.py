"""The collector: receives reports, keeps them, answers questions."""
