"""Every place where a window could hold most, asked one by one: what the searches are measured against."""

from itertools import combinations

import numpy as np

from analysis.pipeline.count.search.regions import find_windows
from analysis.pipeline.count.search.windows import Disc


def find_most(points_um, weights, windows, size_um, mask=None, least=0.95, taken=(), gap_um=0.0):
    """The most that one of the windows holds inside size_um (infinite: anywhere), with at least `least` of the mask and
    at least gap_um away from those taken. None where it has no place."""
    most = []
    for window in windows:
        places = find_places(points_um, window, size_um)
        if mask is not None and len(places):
            places = places[mask.find_shares(window, places) >= least]
        for other in taken:
            near = np.maximum(np.abs(places - other) - gap_um, 0)
            places = places[~window.overlaps(near[:, 0], near[:, 1], window)]
        if len(places):
            most.append(float((find_held(points_um, window, places) @ weights).max()))
    return max(most, default=None)


def find_most_fields(points_um, weights, shape, size_um):
    """The most that fields which do not overlap hold, of those at the places of single fields."""
    (window,) = find_windows(shape)
    places = find_places(points_um, window, size_um)
    held = find_held(points_um, window, places)
    _, first = np.unique(held, axis=0, return_index=True)
    apart = [[np.hypot(*(a - b)) >= 2 * window.reach_x + 1e-5 for b in places[first]] for a in places[first]]
    most = 0.0
    for chosen in combinations(range(len(first)), min(shape.fields, 2)):
        if all(apart[a][b] for a, b in combinations(chosen, 2)):
            most = max(most, float(weights[held[first[list(chosen)]].any(axis=0)].sum()))
    return most


def find_held(points_um, window, places):
    away = places[:, None] - points_um
    return window.holds(away[..., 0], away[..., 1])


def find_places(points_um, window, size_um):
    reach = np.array([window.reach_x, window.reach_y])
    bounds = np.where(np.isfinite(size_um), reach, -np.inf), np.where(np.isfinite(size_um), size_um - reach, np.inf)
    places = _find_disc_places if isinstance(window, Disc) else _find_box_places
    found = places(points_um, window, *bounds)
    return found[((found >= bounds[0] - 1e-9) & (found <= bounds[1] + 1e-9)).all(axis=1)]


def _find_box_places(points_um, window, low, high):
    """An edge of the box at a point, or at the slide's edge, in both directions."""
    reach = window.reach_x, window.reach_y
    xs, ys = (
        np.concatenate([points_um[:, axis] - reach[axis], points_um[:, axis] + reach[axis], [low[axis], high[axis]]])
        for axis in (0, 1)
    )
    return np.stack(np.meshgrid(xs[np.isfinite(xs)], ys[np.isfinite(ys)]), axis=-1).reshape(-1, 2)


def _find_disc_places(points_um, window, low, high):
    """Two points on the circle, or a point on it and the disc at the slide's edge, or a point in its middle."""
    radius = window.radius_um
    one, other = np.triu_indices(len(points_um), 1)
    step = (points_um[other] - points_um[one]) / 2
    away = np.hypot(*step.T)
    near = (away > 0) & (away <= radius)
    step, away = step[near], away[near, None]
    aside = np.sqrt(radius**2 - away**2) / away * np.stack([-step[:, 1], step[:, 0]], axis=1)
    middle = points_um[one[near]] + step
    places = [middle - aside, middle + aside, np.clip(points_um, low, high)]
    for axis in (0, 1):
        for edge in (low[axis], high[axis]):
            chord = radius**2 - (points_um[:, axis] - edge) ** 2
            met = points_um[chord >= 0]
            for sign in (-1, 1):
                at = met.copy()
                at[:, axis], at[:, 1 - axis] = edge, met[:, 1 - axis] + sign * np.sqrt(chord[chord >= 0])
                places.append(at)
    corners = np.stack(np.meshgrid([low[0], high[0]], [low[1], high[1]]), axis=-1).reshape(-1, 2)
    return np.concatenate([*places, corners[np.isfinite(corners).all(axis=1)]])
