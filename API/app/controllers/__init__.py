"""What each URL does: check the request, make one call, answer."""
