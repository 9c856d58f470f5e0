"""Seeded faults in migrations between simulated hosts."""
