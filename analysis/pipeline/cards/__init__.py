"""Model files, and the cards that travel with them: what must be known to use a network's weights."""
