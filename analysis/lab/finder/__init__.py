"""The first stage's training, and what it finds.

windows     what it is trained on: windows with every mitosis marked, all else negative
mining      where it is wrong while it is trained, to see more of that
training    one run from one configuration file, resumable
hardness    what a finished one says of each place, so that the second network sees the hard ones
dense       its recall where dark nuclei lie dense
"""
