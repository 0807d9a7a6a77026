"""`postroom doctor`: whether the world around this installation is as mail needs it, and what to set."""
