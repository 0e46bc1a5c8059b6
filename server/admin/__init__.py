"""What an administrator can do, as plain functions: the command line and the web console both stand on them."""
