"""Sends exactly what was approved. Knows no model and no database; imports neither `agent` nor `inbound`."""
