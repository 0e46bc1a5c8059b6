"""From an accepted envelope to a mailbox: checks, verdict, local delivery. One pipeline for whatever way mail comes."""
