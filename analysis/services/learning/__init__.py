"""What readers' verdicts become for training: data sets and what leaves them, and the locked set that decides."""
