"""What the commands do, one family a file; `table` lists them all."""
