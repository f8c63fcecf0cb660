"""Pages of this app: the viewer, the models."""
