"""Finding the servers of an address: what we know, what the domain publishes, what others have written down about it."""
