"""Pages of this app: the viewer, the jobs, the models."""
