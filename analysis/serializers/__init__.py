"""JSON shapes of the API: rows (what hangs on an analysis), runs (analyses and jobs), and what the review adds."""
