"""The networks that score a patch, and the files they travel in."""
