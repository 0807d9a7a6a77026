"""Alembic migrations: each release's database goes on after an upgrade."""
