"""The desk and what else Postroom says over HTTP."""
