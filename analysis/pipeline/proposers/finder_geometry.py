"""Sizes of the finder's map, apart from the network so that planning an analysis loads no torch."""

from analysis.pipeline.slide_grid import HALF_MPP

MPP = HALF_MPP
STRIDE_PX = 4
CELL_UM = MPP * STRIDE_PX
# Half of what a cell sees, rounded up to whole cells: the context a piece of a slide is read with.
REACH_PX = 56
PEAK_RADIUS_UM = 5.0
MAX_MOVE_UM = 4.0
# How far around itself the highest logit next to a point depends on the slide: its cell's view and a neighbour's.
VIEW_UM = REACH_PX * MPP + 2 * CELL_UM
# How far around itself a place depends on the slide: its cell's view, a higher peak, the way uphill and the blur there.
CONTEXT_UM = REACH_PX * MPP + PEAK_RADIUS_UM + 2 * MAX_MOVE_UM
# A map cell of the finder and its image pixel are this many model pixels: where a piece of a slide may begin.
ALIGN_PX = 2 * STRIDE_PX
