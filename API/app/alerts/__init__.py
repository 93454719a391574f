"""Alerts: what people are told of servers and verdicts, and how it reaches them."""
