"""What a training window goes through, so that neither the stain nor the scanner nor the JPEG quality tells its class.

The paper's list (flips, noise, sharpening, blur, equalisation, contrast, brightness) with the stain changes done where
they are physical: as gains and offsets of haematoxylin, eosin and the rest in optical density. All take a numpy
Generator, so that a batch depends on its seed alone.
"""

import cv2
import numpy as np
from numpy.random import Generator

from analysis.pipeline.stain import HED_FROM_RGB, RGB_FROM_HED, optical_density, rgb_of_density

SCALE_RANGE = (0.8, 1.25)
# How often each change of the paper's list is made to a window; it gives no numbers.
PAPER_SHARE = 0.3
PLAIN_SHARE = 0.25
# OpenCV's hues of a byte are half degrees.
HALF_DEGREES = 180


def cut_window(
    image: np.ndarray, x: float, y: float, px: int, scale: float = 1.0, angle: float = 0.0, flip: bool = False
) -> np.ndarray:
    """A square window of `px` output pixels centred on (x, y), one output pixel being `scale` image pixels.

    `image` uint8 (h, w, 3); x, y in its pixels with centres at whole numbers + 0.5; `angle` in radians. Outside the
    image it is mirrored. Returns uint8 (px, px, 3).
    """
    matrix = window_matrix(x, y, px, scale, angle, flip)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (px, px), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def window_matrix(x: float, y: float, px: int, scale: float, angle: float, flip: bool) -> np.ndarray:
    """Where the pixels of `cut_window` come from: float (2, 3), window index → image index, pixel 0 being at 0."""
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[-cos if flip else cos, -sin, 0], [-sin if flip else sin, cos, 0]])
    middle = (px - 1) / 2
    matrix[:, 2] = np.array([x - 0.5, y - 0.5]) - matrix[:, :2] @ (middle, middle)
    return matrix


def random_pose(rng: Generator) -> dict:
    """Scale, rotation and flip of one window; a quarter keep their pixels (quarter turns only), as at detection."""
    if rng.random() < PLAIN_SHARE:
        return {"scale": 1.0, "angle": rng.integers(4) * np.pi / 2, "flip": bool(rng.integers(2))}
    low, high = np.log(SCALE_RANGE)
    return {"scale": np.exp(rng.uniform(low, high)), "angle": rng.uniform(0, 2 * np.pi), "flip": bool(rng.integers(2))}


def stain_jitter(batch: np.ndarray, rng: Generator, strength: float = 1.0) -> np.ndarray:
    """Each window's stains made stronger or weaker and shifted, `strength` times as far as usual (0: not at all).

    uint8 (b, h, w, 3) → the same.
    """
    gain = np.exp(rng.normal(0, 0.18 * strength, (len(batch), 3))).astype(np.float32)
    overall = np.exp(rng.normal(0, 0.15 * strength, (len(batch), 1))).astype(np.float32)
    shift = rng.normal(0, 0.04 * strength, (len(batch), 1, 1, 3)).astype(np.float32)
    mix = np.einsum("ij,bj,jk->bik", HED_FROM_RGB, gain * overall, RGB_FROM_HED)
    density = optical_density(batch)
    flat = density.reshape(len(batch), -1, 3) @ mix
    return rgb_of_density(flat.reshape(density.shape) + shift)


def degrade_patch(patch: np.ndarray, rng: Generator) -> np.ndarray:
    """One of blur, sharpening, equalised lightness or noise now and then, then mostly a JPEG of random quality. uint8
    (h, w, 3).
    """
    kind = rng.random()
    if kind < 0.12:
        patch = blur_patch(patch, rng.uniform(0.4, 1.3))
    elif kind < 0.22:
        patch = sharpen_patch(patch, rng.uniform(0.3, 1.2))
    elif kind < 0.27:
        patch = equalise_lightness(patch, rng.uniform(0.2, 0.6))
    elif kind < 0.37:
        patch = add_noise(patch, rng.uniform(2, 8), rng)
    return recode_jpeg(patch, int(rng.integers(45, 96))) if rng.random() < 0.7 else patch


def augment_as_paper(patch: np.ndarray, rng: Generator) -> np.ndarray:
    """The paper's list and nothing else: flips, then noise, sharpening, blur, equalisation, contrast and brightness,
    each of them now and then. uint8 (h, w, 3).
    """
    patch = patch[:: 1 if rng.integers(2) else -1, :: 1 if rng.integers(2) else -1]
    changes = (
        lambda window: add_noise(window, rng.uniform(2, 8), rng),
        lambda window: sharpen_patch(window, rng.uniform(0.3, 1.2)),
        lambda window: blur_patch(window, rng.uniform(0.4, 1.3)),
        lambda window: equalise_lightness(window, rng.uniform(0.2, 0.6)),
        lambda window: change_levels(window, rng.uniform(0.8, 1.25), 0.0),
        lambda window: change_levels(window, 1.0, rng.uniform(-25, 25)),
    )
    for change in changes:
        if rng.random() < PAPER_SHARE:
            patch = change(np.ascontiguousarray(patch))
    return np.ascontiguousarray(patch)


def blur_patch(patch: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian, `sigma` in pixels. uint8 (h, w, 3)."""
    return cv2.GaussianBlur(patch, (0, 0), sigma)


def sharpen_patch(patch: np.ndarray, amount: float) -> np.ndarray:
    """`amount` of what a blur of 1.2 px takes away, added. uint8 (h, w, 3)."""
    return cv2.addWeighted(patch, 1 + amount, cv2.GaussianBlur(patch, (0, 0), 1.2), -amount, 0)


def add_noise(patch: np.ndarray, sigma: float, rng: Generator) -> np.ndarray:
    """Gaussian noise of `sigma` grey levels, each channel by itself. uint8 (h, w, 3)."""
    return np.clip(patch + rng.normal(0, sigma, patch.shape), 0, 255).astype(np.uint8)


def change_levels(patch: np.ndarray, contrast: float, brightness: float) -> np.ndarray:
    """Distance to the window's mean times `contrast`, plus `brightness` grey levels. uint8 (h, w, 3)."""
    mean = patch.mean()
    return np.clip((patch - mean) * contrast + mean + brightness, 0, 255).astype(np.uint8)


def equalise_lightness(patch: np.ndarray, share: float) -> np.ndarray:
    """Lightness moved by `share` (0 to 1) towards an equalised histogram; colours stay. uint8 (h, w, 3)."""
    lab = cv2.cvtColor(patch, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.addWeighted(cv2.equalizeHist(lab[..., 0]), share, lab[..., 0], 1 - share, 0)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def recode_jpeg(patch: np.ndarray, quality: int) -> np.ndarray:
    """The patch after a JPEG of this quality (4:2:0). uint8 (h, w, 3)."""
    # OpenCV takes blue for the first channel, and JPEG is coarser in some colours than in others.
    bgr = cv2.cvtColor(patch, cv2.COLOR_RGB2BGR)
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV reads what it wrote"
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def mirror_edge(patch: np.ndarray, rng: Generator) -> np.ndarray:
    """The window as if the image ended on one side of it: mirrored beyond a random line away from the centre. uint8
    (px, px, 3).
    """
    px = len(patch)
    line = int(rng.integers(px // 2 + px // 5, px))
    turned = np.rot90(patch, int(rng.integers(4))).copy()
    beyond = px - line
    turned[line:] = turned[line - 1 - beyond : line - 1][::-1]
    return turned


def change_stains(rgb: np.ndarray, haematoxylin: float, eosin: float) -> np.ndarray:
    """An image with its stains' densities multiplied: uint8 (h, w, 3) → the same."""
    gain = np.diag(np.array([haematoxylin, eosin, 1.0], np.float32))
    mix = HED_FROM_RGB @ gain @ RGB_FROM_HED
    density = optical_density(rgb)
    return rgb_of_density((density.reshape(-1, 3) @ mix).reshape(density.shape))


def turn_hues(rgb: np.ndarray, degrees: float) -> np.ndarray:
    """An image with all hues turned, towards red for positive angles: uint8 (h, w, 3) → the same."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + round(degrees / 2)) % HALF_DEGREES
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
