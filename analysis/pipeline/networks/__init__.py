"""The networks: the hybrid that scores a patch, those to compare it with, and the finder of the first stage."""
