"""How pixels are fetched: one class per library behind one small protocol, `base.Source`."""
