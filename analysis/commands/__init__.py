"""One module per command of `mitosis`: `add_arguments(parser)` and `run(arguments)`, which returns the exit status.

Only the module of the command that was given is imported, so that `mitosis --help` answers at once.
"""
