"""Are the tests as sharp as they look? Small faults put into the lines that numbers and access rest on, one at a time.

`make mutants` takes a seeded sample of such lines, changes each once (operators of cosmic-ray), and runs the nearest
tests. A mutant that no test notices *survives*: it is a line without a guard, or a change that makes no difference.
"""
