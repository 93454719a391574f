"""The audit report: what the policies said of the servers in a period, as a file to hand over."""
