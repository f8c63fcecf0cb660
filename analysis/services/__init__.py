"""What changes rows: each function owns its transaction. runs, review, counting, exports, model_versions."""
