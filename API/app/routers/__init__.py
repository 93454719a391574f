"""Which URL is answered by what; nothing else happens here."""
