"""Small documents with optimistic concurrency, leases that are built on them, and files that never change."""
