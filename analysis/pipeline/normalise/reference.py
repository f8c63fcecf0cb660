"""The colours normalisers aim at: tissue pixels of the five mitos14 training slides, 300,000 of each, pooled.

Fitted with `fit_stains` and `lab_moments` of this package. Stains: columns haematoxylin and eosin, rows R, G, B. Lab in
OpenCV's 8-bit scaling.
"""

import numpy as np

MACENKO_STAINS = np.array([[0.4565, 0.1401], [0.8172, 0.9291], [0.3518, 0.3423]], np.float32)
MACENKO_CONCENTRATION = np.array([1.9838, 1.5886], np.float32)
REINHARD_MEAN = np.array([151.28, 168.38, 110.39], np.float32)
REINHARD_STD = np.array([39.89, 12.31, 6.49], np.float32)
