"""The detector: from an open slide to detections, tile by tile.

    work = plan_work(reader, settings, model.card)
    detector = Detector(model, settings)
    for result in detector.detect_tiles(reader, work, work.tiles):
        …

A tile's result is final when it is returned: what a tile says depends on the slide alone, since every rule that looks
around (the candidates' cap, the distance between detections) is local and the tile is read with as much context as they
need. Work may therefore stop, resume and be shared out at tiles.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from analysis.pipeline import merge
from analysis.pipeline.cards.card import StandardUse
from analysis.pipeline.cards.store import Model
from analysis.pipeline.engines import open_engine
from analysis.pipeline.normalise import Normaliser
from analysis.pipeline.patches import cut_patches
from analysis.pipeline.plan import Settings, Tile, Work, in_sampled_tiles, over_all_tissue, plan_work
from analysis.pipeline.proposers import Piece, pick_proposer
from analysis.pipeline.proposers.darkest import SPOT_UM, dark_spots
from analysis.pipeline.proposers.finder import FinderProposer, find_peaks
from analysis.pipeline.proposers.finder_geometry import ALIGN_PX, VIEW_UM
from analysis.pipeline.proposers.first_stage import first_stage_of
from analysis.pipeline.score_level import PLAIN, SAMPLE_TILES, Seen, Standard, standard_of
from analysis.pipeline.score_queue import ScoreQueue
from analysis.pipeline.slide_colours import SlideColours
from analysis.pipeline.slide_grid import Grid, Reader
from analysis.pipeline.spread import spread_evenly
from analysis.pipeline.views import Look, further_views

# A work of so few tiles keeps what its first look has read, some 40 MB each.
KEPT_PIECES = 4


@dataclass(frozen=True)
class Detection:
    """A scored place: level-0 px, calibrated probability in [0, 1], whether it reaches the threshold."""

    x_l0: float
    y_l0: float
    probability: float
    mitosis: bool


@dataclass(frozen=True)
class TileResult:
    """What one tile holds: every place proposed before scoring in level-0 px, the finder's logit at each (none without
    a finder), and the detections above the card's floor.
    """

    index: int
    candidates_l0: list[tuple[float, float]]
    detections: list[Detection]
    finder_logits: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Candidates:
    """What is scored for a tile: places (n, 2) in model px of the slide, their patches uint8 (n, px, px, 3), none of a
    network that looks at whole images, the finder's logits there (n,), and which lie in the tile; the others are those
    that may outdo one that does. passed_px (k, 2), passed_logits (k,): the tile's places that are not worth a score.
    """

    points_px: np.ndarray
    patches: np.ndarray
    finder_logits: np.ndarray
    is_core: np.ndarray
    passed_px: np.ndarray
    passed_logits: np.ndarray


@dataclass(frozen=True)
class NucleiLook:
    """What the first look saw in one tile of all the slide's tissue; it is the `number`th of so many."""

    index: int
    seen: Seen
    number: int
    of: int


class Detector:
    """Finds and scores candidates on one slide with one model. Not to be shared between slides: what the slide's
    colours and scores are measured against is worked out on the first one it meets, unless a normaliser is given that
    was `fitted` on the slide before, or a `standard`. `device` says what it runs on, for the record; `threads`: so many
    of a CPU, 0 for all.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        device: str = "auto",
        fitted: Normaliser | None = None,
        standard: Standard | None = None,
        threads: int = 0,
    ) -> None:
        self.model, self.settings, self.card = model, settings, model.card
        self.threshold = self.card.threshold if settings.threshold is None else settings.threshold
        self.floor = min(self.card.floor, self.threshold)
        engine = open_engine(model, device, threads)
        self.device = engine.name
        self._queue = ScoreQueue(engine.score, engine.batch)
        self._finder = first_stage_of(engine.map_logits if self.card.finder else None, self.card.mpp)
        self._proposer = pick_proposer(settings.mode, self.card, self._finder, engine.find_places)
        self.scores_patches = engine.find_places is None
        self._colours = SlideColours(settings.normaliser, fitted)
        self._standard = standard
        self._scored_from = -math.inf  # the finder's logit of the least likely place that is scored
        self._peak_logits: dict[int, np.ndarray] = {}  # by tile of the first look, until thresholds are told from them
        self._is_fitted = False
        self._kept: dict[int, Piece] = {}  # of the work's tiles, from the first look until they are looked at

    def detect_tiles(self, reader: Reader, work: Work, tiles: Iterable[Tile]) -> Iterator[TileResult]:
        """Candidates and detections of tiles, in their order; each is final. The quickest way: what fills no batch of
        the network waits for the next tile, and so does its tile. A thread reads ahead: close what is not taken to its
        end before you close the slide.
        """
        waiting: deque[tuple[Tile, Candidates, Look]] = deque()
        for tile, found in self._propose_ahead(reader, work, tiles):
            waiting.append((tile, found, self._look(reader, work, found)))
            while waiting and waiting[0][2].is_over():
                yield self._result(reader, work, *waiting.popleft())
        while waiting:
            self._queue.finish()
            while waiting and waiting[0][2].is_over():
                yield self._result(reader, work, *waiting.popleft())

    def _propose_ahead(self, reader: Reader, work: Work, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, Candidates]]:
        """Tiles with their candidates, found while those of the tile before are scored. Only one thread ever reads."""
        if not self._colours.changes_nothing:  # fitting them reads the slide, too
            self._fit_to_slide(reader, work)
            yield from ((tile, self.propose_candidates(reader, work, tile)) for tile in tiles)
            return
        ahead: deque[tuple[Tile, Future[Candidates]]] = deque()
        with ThreadPoolExecutor(1) as thread:
            for tile in tiles:
                if not ahead:
                    self._told_from(reader, work)
                    self._fit_to_slide(reader, work)
                ahead.append((tile, thread.submit(self.propose_candidates, reader, work, tile)))
                if len(ahead) > 1:
                    of_tile, found = ahead.popleft()
                    yield of_tile, found.result()
            for of_tile, found in ahead:
                yield of_tile, found.result()

    def detect_tile(self, reader: Reader, work: Work, tile: Tile) -> TileResult:
        """Of one tile alone."""
        [result] = self.detect_tiles(reader, work, [tile])
        return result

    def _look(self, reader: Reader, work: Work, found: Candidates) -> Look:
        """At a tile's candidates, whose pixels need not be kept then."""
        patches = self._colours.normalise(reader, work, found.patches)
        return Look(self._queue, patches, self._evidence(found.finder_logits)[: len(patches)], self.card.views)

    def _result(self, reader: Reader, work: Work, tile: Tile, found: Candidates, look: Look) -> TileResult:
        # Of a network that looks at whole images the margins came with its places.
        margins = look.margins if self.scores_patches else found.finder_logits
        wanted = found.is_core
        if self._proposer.outdo:
            wanted = wanted & merge.keep_surest(found.points_px * self.card.mpp, margins)
        points_l0 = work.grid.to_l0(found.points_px)
        scores = self.card.calibration(self._told_from(reader, work)(margins))
        order = [i for i in np.lexsort((points_l0[:, 0], points_l0[:, 1])) if wanted[i] and scores[i] >= self.floor]
        scored = zip(points_l0[order].tolist(), scores[order].tolist(), strict=True)
        detections = [Detection(x, y, score, score >= self.threshold) for (x, y), score in scored]
        passed_l0 = work.grid.to_l0(found.passed_px)
        candidates_l0 = [(float(x), float(y)) for x, y in (*points_l0[found.is_core], *passed_l0)]
        logits = [*found.finder_logits[found.is_core].tolist(), *found.passed_logits.tolist()]
        logits = logits if self.card.finder is not None else []
        return TileResult(tile.index, candidates_l0, detections, logits)

    def propose_candidates(self, reader: Reader, work: Work, tile: Tile) -> Candidates:
        """All places of a tile that are tissue of the region, and those beside it that may outdo one of them."""
        piece = self._kept.pop(tile.index, None) or self._piece_to_propose_on(reader, work, tile)
        proposed = self._proposer.propose_places(piece, work.grid)
        covered = work.covers(work.grid.to_l0(proposed.points_px))
        is_core = covered & piece.holds(proposed.points_px)
        is_likely = proposed.finder_logits >= self._scored_from
        wanted = covered & is_likely & merge.in_reach(proposed.points_px * self.card.mpp, is_core & is_likely)
        points_px, passed = proposed.points_px[wanted], is_core & ~is_likely
        patches = self._cut(piece, points_px if self.scores_patches else points_px[:0])
        passed_px, passed_logits = proposed.points_px[passed], proposed.finder_logits[passed]
        return Candidates(points_px, patches, proposed.finder_logits[wanted], is_core[wanted], passed_px, passed_logits)

    def look_at_nuclei(
        self, reader: Reader, work: Work, known: Mapping[int, Seen] | None = None
    ) -> Iterator[NucleiLook]:
        """The first look, tile by tile: at its end the detector knows what the slide's scores are told from. All its
        tissue counts, whatever the region and the mode, so that a place has the same probability in every analysis of
        the slide. `known`: what was seen in tiles that were looked at before, by index. Without the first look, the
        first tile takes it by itself; where the card has no use for it there is none.
        """
        use = self.card.standard
        if use is None:
            self._standard = PLAIN
            return
        whole = over_all_tissue(work, reader)
        sampled = spread_evenly(len(whole.tiles), SAMPLE_TILES).tolist()
        margins = [np.zeros(0, np.float32)]
        for number, index in enumerate(sampled, 1):
            seen = (known or {}).get(index)
            if seen is None or (seen.peak_logits is None and self._fits_to_slide):
                piece = self._piece_to_sample(reader, whole, whole.tiles[index], work)
                of_tile = self._nuclei_margins(reader, whole, piece, colours_of=work)
                seen = Seen(of_tile, self._peaks_in(piece, whole) if self._fits_to_slide else None)
            if seen.peak_logits is not None:
                self._peak_logits[index] = seen.peak_logits
            margins.append(seen.margins)
            yield NucleiLook(index, seen, number, len(sampled))
        self._standard = standard_of(np.concatenate(margins), use.level, use.worth, use.share)

    def _fit_to_slide(self, reader: Reader, work: Work) -> None:
        """On a slide with few places the finder's threshold goes down until there are as many as its card wants; of
        those below the usual one only the likeliest are scored, where the card says how many.
        """
        use = self.card.finder
        if not isinstance(self._proposer, FinderProposer) or use is None or not self._fits_to_slide or self._is_fitted:
            return
        self._is_fitted = True
        whole = over_all_tissue(work, reader)
        found, area_mm2 = [np.zeros(0, np.float32)], 0.0
        for index in spread_evenly(len(whole.tiles), SAMPLE_TILES):
            of_tile = self._peak_logits.pop(index, None)  # of the first look, where it was taken just now
            if of_tile is None:
                of_tile = self._peaks_in(self._piece_to_sample(reader, whole, whole.tiles[index], work), whole)
            found.append(of_tile)
            area_mm2 += whole.tissue_mm2_of(whole.tiles[index])
        logits = np.sort(np.concatenate(found))[::-1]

        def logit_of(per_mm2: float) -> float:
            wanted = min(len(logits), math.ceil(per_mm2 * area_mm2))
            return min(use.threshold, float(logits[wanted - 1])) if wanted else use.threshold

        self._proposer.threshold = logit_of(use.least_per_mm2)
        if use.scored_per_mm2:
            self._scored_from = logit_of(use.scored_per_mm2)

    @property
    def _fits_to_slide(self) -> bool:
        finder = self.card.finder
        return isinstance(self._proposer, FinderProposer) and finder is not None and finder.least_per_mm2 > 0

    def _peaks_in(self, piece: Piece, whole: Work) -> np.ndarray:
        """The finder's logits (n,) at all its peaks in the tissue of a tile."""
        assert self.card.finder is not None
        peaks_half, logits = find_peaks(self._finder.map_of(piece), -np.inf, self.card.finder.peak_um)
        peaks_px = piece.from_half(peaks_half)
        return logits[piece.holds(peaks_px) & whole.covers(whole.grid.to_l0(peaks_px))]

    def _told_from(self, reader: Reader, work: Work) -> Standard:
        """What the slide's scores are told from, with the first look where nobody has taken it."""
        if self._standard is None:
            deque(self.look_at_nuclei(reader, work), maxlen=0)
        return self._standard or PLAIN  # a look that was taken to its end has set it

    def ordinary_margins(self, reader: Reader, work: Work) -> np.ndarray:
        """Margins (n,) in logits of a sample of the dark nuclei of a work's tiles, mitoses or not."""
        work = in_sampled_tiles(work, reader)
        sampled = spread_evenly(len(work.tiles), SAMPLE_TILES)
        pieces = (self._piece_to_sample(reader, work, work.tiles[index], work) for index in sampled)
        found = [self._nuclei_margins(reader, work, piece, colours_of=work) for piece in pieces]
        return np.concatenate([np.zeros(0, np.float32), *found])

    def _nuclei_margins(self, reader: Reader, work: Work, piece: Piece, colours_of: Work) -> np.ndarray:
        """Margins (n,) of some dark nuclei of one tile, in the colours of what is analysed."""
        per_tile = (self.card.standard or StandardUse).per_tile
        points_px = piece.from_half(dark_spots(piece.half)[0].astype(float))
        points_px = points_px[piece.holds(points_px) & work.covers(work.grid.to_l0(points_px))]
        points_px = points_px[spread_evenly(len(points_px), per_tile)]
        logits = self._finder.logits_near(piece, points_px)
        return self._margins(reader, colours_of, self._cut(piece, points_px), logits)

    def patches_at(
        self, reader: Reader, points_l0: Sequence[tuple[float, float]], work: Work | None = None
    ) -> np.ndarray:
        """The patches that the network sees at one or more places: uint8 (n, px, px, 3), normalised as settings say."""
        grid = Grid.over(reader, self.settings.mpp_x, self.settings.mpp_y, self.card.mpp)
        patches = self._patches_at(reader, grid, grid.to_px(np.array(points_l0)))
        if self._colours.changes_nothing:
            return patches
        return self._colours.normalise(reader, work or plan_work(reader, self.settings, self.card), patches)

    def margins_at(self, reader: Reader, work: Work, points_l0: np.ndarray) -> np.ndarray:
        """Uncalibrated margins (n,) of the patches centred on (n, 2) places, with the finder's part, in logits whatever
        the card's standard: for measuring patch F1.
        """
        if not len(points_l0):
            return np.zeros(0)
        points_px = work.grid.to_px(np.asarray(points_l0))
        logits = self._finder.logits_at(reader, work.grid, points_px)
        return self._margins(reader, work, self._patches_at(reader, work.grid, points_px), logits)

    def margins_from_all_sides(self, reader: Reader, work: Work, tile: Tile) -> np.ndarray:
        """Margins of a tile's candidates as they are and in their further views, with the finder's part: float32
        (8, n).
        """
        found = self.propose_candidates(reader, work, tile)
        patches, logits = found.patches[found.is_core], found.finder_logits[found.is_core]
        sides = [patches, *further_views(patches, 8)]
        return np.stack([self._margins(reader, work, side, logits) for side in sides])

    def features_at(self, reader: Reader, work: Work, points_l0: np.ndarray) -> np.ndarray:
        """What the network's head sees of the patches at (n, 2) places: float32 (n, f). Of what was scored lately it is
        known.
        """
        if not len(points_l0):
            return np.zeros((0, 0), np.float32)
        patches = self._patches_at(reader, work.grid, work.grid.to_px(np.asarray(points_l0)))
        asked = self._queue.ask(self._colours.normalise(reader, work, patches))
        self._queue.finish()
        return asked.features

    def _margins(self, reader: Reader, work: Work, patches: np.ndarray, finder_logits: np.ndarray) -> np.ndarray:
        """Margins (n,) of patches with the finder's part, in logits."""
        asked = self._queue.ask(self._colours.normalise(reader, work, patches))
        self._queue.finish()
        return asked.margins + self._evidence(finder_logits) if self.scores_patches else finder_logits

    def _evidence(self, finder_logits: np.ndarray) -> np.ndarray:
        """What the finder's logits (n,) add to margins: float32 (n,)."""
        return np.float32(self.card.finder.weight if self.card.finder else 0.0) * finder_logits

    def _piece(self, reader: Reader, work: Work, tile: Tile, context_um: float, within: bool = True) -> Piece:
        """A tile with what lies within `context_um` of it, or within a patch; `within`: of the part alone that can hold
        anything.
        """
        box_px, core_px, size_px = self._box(work, tile, context_um, within)
        pixels = work.grid.read(reader, *box_px)
        return Piece(pixels, np.array(box_px[:2]), core_px, size_px, self.card.mpp)

    def _box(
        self, work: Work, tile: Tile, context_um: float, within: bool = True
    ) -> tuple[tuple[int, int, int, int], np.ndarray, np.ndarray]:
        """What `_piece` reads, x, y, width and height in model px, and from where on and how wide it is looked at."""
        side_px = work.tile_px
        whole_px = (tile.column * side_px, tile.row * side_px, side_px, side_px)
        x_px, y_px, width_px, height_px = work.core_of(tile) if within else whole_px
        context_px = math.ceil(max(context_um, self.card.patch_px * self.card.mpp) / self.card.mpp)
        # Begun where a map cell begins, so that the finder's map is the same from every tile.
        left, top = ((side - context_px) // ALIGN_PX * ALIGN_PX for side in (x_px, y_px))
        right, bottom = x_px + width_px + context_px, y_px + height_px + context_px
        box_px = work.grid.clipped(left, top, right - left, bottom - top)
        return box_px, np.array((x_px, y_px)), np.array((width_px, height_px))

    def _piece_to_propose_on(self, reader: Reader, work: Work, tile: Tile) -> Piece:
        # Farther than a place looks, since one beside the tile may outdo one in it.
        context_um = self._proposer.context_um + (merge.RADIUS_UM if self._proposer.outdo else 0)
        if self.scores_patches:
            return self._piece(reader, work, tile, context_um, within=self._proposer.outdo)
        # What a whole image is decides what is seen anywhere in it, so it is the same whatever the region.
        piece = self._piece(reader, work, tile, context_um, within=False)
        piece.pixels = self._colours.normalise(reader, work, piece.pixels[None])[0]
        return piece

    def _piece_to_sample(self, reader: Reader, whole: Work, tile: Tile, work: Work) -> Piece:
        """A tile that stands for the slide; of a small work from the pieces that are kept for what comes after it."""
        context_um = max(VIEW_UM, SPOT_UM, self._proposer.context_um if self._fits_to_slide else 0.0)
        if len(work.tiles) > KEPT_PIECES or not self._proposer.outdo:
            return self._piece(reader, whole, tile, context_um)
        box_px, core_px, size_px = self._box(whole, tile, context_um)
        for of_work in work.tiles:
            if of_work.index not in self._kept:
                self._kept[of_work.index] = self._piece_to_propose_on(reader, work, of_work)
            piece = self._kept[of_work.index]
            if piece.contains(box_px):
                self._finder.map_of(piece)
                return piece.part(box_px, core_px, size_px)
        return self._piece(reader, whole, tile, context_um)

    def _cut(self, piece: Piece, points_px: np.ndarray) -> np.ndarray:
        """The patches of a piece centred on (n, 2) places: uint8 (n, px, px, 3)."""
        return cut_patches(piece.pixels, points_px - piece.corner_px, self.card.patch_px)

    def _patches_at(self, reader: Reader, grid: Grid, points_px: np.ndarray) -> np.ndarray:
        """The patches that detection scored at (n, 2) places, each read by itself: uint8 (n, px, px, 3)."""
        px, patches = self.card.patch_px, []
        for point_px in points_px:
            left, top = np.floor(point_px).astype(int) - px
            x, y, w, h = grid.clipped(left, top, 2 * px, 2 * px)
            patches.append(cut_patches(grid.read(reader, x, y, w, h), (point_px - (x, y))[None], px))
        return np.concatenate(patches)
