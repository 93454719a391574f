"""The console's pages: one module for each, and what they share in `pages`."""
