"""A mail house to look at: an invented family with some hundred messages of our own writing."""
