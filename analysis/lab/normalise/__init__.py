"""What a stain normaliser does to a picture, and StainNet's profiles of scanners."""
