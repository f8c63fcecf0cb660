"""Pages of cases, slides and uploads: speak HTTP, leave decisions to slides.services."""
