"""Making the working copy of a slide: an allowlist decides what goes into it, and the copy is verified."""
