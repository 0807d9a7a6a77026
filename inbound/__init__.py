"""Bytes become trustworthy facts. Knows no model and no database; imports neither `agent` nor `outbound`."""
