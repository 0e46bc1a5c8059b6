"""Word of committed changes, between sessions and between processes of one installation."""
