"""Models behind one protocol: what answers is exchangeable, what decides is not here."""
