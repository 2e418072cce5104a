"""What we remember between runs: marks, batches, runs, metrics and leases, in one database."""
