"""What maps of evidence are worth, and pictures of them.

pointing   does a map's peak lie on a mitosis that is not in the middle? (the pointing game)
sanity     do the maps change with the weights and with the class?
plots      pictures of all this, and of the map of a region
"""
