"""The paper's comparisons and the project's own, each with one budget that all its arms share.

    optimisers   Figure 7: batch 16, 32, 64 with Adam, RMSProp, SGD
    patch-size   50, 100, 256, 512 px on whole frames
    baselines    the hybrid, ResNet-18 and EfficientNet-B0
    start        EfficientNet-Lite0's weights against none
    normalisers  none, Macenko, Reinhard, StainNet, each with and without colour augmentation
    seeds        one recipe three times, and the mean of the three networks: is an ensemble worth its price?

An arm is a training run (`analysis.lab.train`) and can be stopped and resumed as one. All arms of a comparison see
the same number of windows, so a batch of 64 takes a quarter of the steps of a batch of 16. Each is scored by patch
metrics at 29 % mitoses on slides that no arm was trained on; the validation slide H05 is never among them.

    arms      which runs a comparison consists of
    budget    how many windows each arm may see
    running   running and scoring them
    together  several networks as one
    tables    a table and a picture
"""

from analysis.lab.compare.arms import COMPARISONS, Setup
from analysis.lab.compare.running import run_comparison

__all__ = ["COMPARISONS", "Setup", "run_comparison"]
