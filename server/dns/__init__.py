"""Questions to the domain name system, behind one small protocol."""
