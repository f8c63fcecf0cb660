"""Pictures of slides, and how those that were made or found before are at hand."""
