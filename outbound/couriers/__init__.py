"""Couriers: one file a way out, one shape each."""
