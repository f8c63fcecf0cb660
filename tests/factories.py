"""Rows for tests, and the files behind them. A slide has a real pyramid on the disk that really was opened.

lead = MembershipFactory(role="lead").user
slide = SlideFactory(case__team=team)                    # 1024 x 768 px at 0.25 µm, purple dots on pink
slide = SlideFactory(file=data_dir / "slides" / "x.svs")  # any other real file
"""

import datetime
import hashlib
import shutil
import uuid
from functools import cache
from pathlib import Path

import factory
import numpy as np
import tifffile
from django.conf import settings
from django.utils import timezone
from factory.django import DjangoModelFactory

from mitoweb.people.models import Membership, Role, Team, User
from slides.models import Case, Region, Slide, Upload

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    """A person who can sign in with PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    password = factory.django.Password(PASSWORD)


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    team = factory.SubFactory(TeamFactory)
    role = Role.LEAD


class CaseFactory(DjangoModelFactory):
    class Meta:
        model = Case
        skip_postgeneration_save = True

    team = factory.SubFactory(TeamFactory)
    accession = factory.Sequence(lambda n: f"26-{n:05d}")
    tumour_type = "Breast, invasive carcinoma NST"

    @factory.post_generation
    def readers(self, create, extracted, **kwargs):
        if create and extracted:
            self.readers.set(extracted)


class SlideFactory(DjangoModelFactory):
    """A ready slide. `file` is copied below SLIDES_ROOT and opened, and its facts fill the row."""

    class Meta:
        model = Slide

    class Params:
        file = factory.LazyFunction(lambda: small_slide())

    case = factory.SubFactory(CaseFactory)
    label = factory.Sequence(lambda n: f"A{n + 1}")
    state = Slide.State.READY

    folder = factory.LazyFunction(lambda: str(uuid.uuid4()))
    files = factory.LazyAttribute(lambda slide: [store(slide.file, slide.folder)])
    # A case holds the same file once; the folder stands for what would differ between real slides.
    sha256 = factory.LazyAttribute(lambda slide: file_sha256(slide.file, slide.folder))
    bytes = factory.LazyAttribute(lambda slide: slide.file.stat().st_size)
    format = factory.LazyAttribute(lambda slide: slide_info(slide.file).format)
    width = factory.LazyAttribute(lambda slide: slide_info(slide.file).width)
    height = factory.LazyAttribute(lambda slide: slide_info(slide.file).height)
    levels = factory.LazyAttribute(
        lambda slide: [[level.width, level.height, level.downsample] for level in slide_info(slide.file).levels]
    )
    mpp_x = factory.LazyAttribute(lambda slide: slide_info(slide.file).mpp_x)
    mpp_y = factory.LazyAttribute(lambda slide: slide_info(slide.file).mpp_y)
    mpp_source = factory.LazyAttribute(lambda slide: "unknown" if slide.mpp_x is None else "file")
    objective = factory.LazyAttribute(lambda slide: slide_info(slide.file).objective)


class UploadFactory(DjangoModelFactory):
    """An upload of which nothing has arrived yet."""

    class Meta:
        model = Upload

    case = factory.SubFactory(CaseFactory)
    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"scan-{n}.svs")
    label = factory.LazyAttribute(lambda upload: upload.name.rsplit(".", 1)[0])
    length = 1000
    expires = factory.LazyFunction(lambda: timezone.now() + datetime.timedelta(days=1))


class RegionFactory(DjangoModelFactory):
    class Meta:
        model = Region

    slide = factory.SubFactory(SlideFactory)
    name = factory.Sequence(lambda n: f"Region {n + 1}")
    polygon = factory.LazyFunction(lambda: [[100, 100], [500, 100], [500, 400], [100, 400]])


def member(team: Team, role: str = Role.LEAD, **values) -> User:
    """A new person with a role in the team."""
    return MembershipFactory(team=team, role=role, user=UserFactory(**values)).user


@cache
def small_slide() -> Path:
    """A tiled TIFF pyramid of 1024 x 768 px at 0.25 µm per pixel: pink tissue with 120 dark nuclei; made once a run."""
    path = Path(settings.VAR_DIR) / "test-slides" / "small.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tiff(path, tissue_pixels(1024, 768), mpp=(0.25, 0.25))
    return path


def tissue_pixels(width: int, height: int, seed: int = 1) -> np.ndarray:
    """(height, width, 3) uint8: a pink ellipse on white with dark discs in it."""
    draw = np.random.default_rng(seed)
    image = np.full((height, width, 3), 245, np.uint8)
    y, x = np.mgrid[:height, :width]
    inside = ((x - width / 2) / (0.42 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2 < 1
    image[inside] = (214, 150, 190)
    for centre_x, centre_y in draw.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height), (120, 2)):
        x0, y0 = max(0, int(centre_x) - 16), max(0, int(centre_y) - 16)
        part = (slice(y0, y0 + 33), slice(x0, x0 + 33))
        image[part][(x[part] - centre_x) ** 2 + (y[part] - centre_y) ** 2 < draw.uniform(60, 250)] = (92, 52, 130)
    return image


def write_tiff(path: Path, image: np.ndarray, mpp: tuple[float, float] | None, factors=(1, 2, 4)) -> Path:
    """Store `image` as a tiled pyramid; mpp (x, y) in µm per pixel goes into its tags, None leaves them out."""
    options = {"tile": (256, 256), "compression": "deflate", "metadata": None}
    options["photometric"] = "rgb" if image.ndim == 3 else "minisblack"
    with tifffile.TiffWriter(path) as writer:
        for factor in factors:
            if mpp is not None:
                options |= {"resolution": tuple(1e4 / (size * factor) for size in mpp), "resolutionunit": "CENTIMETER"}
            writer.write(np.ascontiguousarray(image[::factor, ::factor]), subfiletype=int(factor > 1), **options)
    return path


@cache
def slide_info(path: Path):
    """What the reader says of the file."""
    from slides.wsi.reader import open_slide

    with open_slide(path) as reader:
        return reader.info


@cache
def file_sha256(path: Path, salt: str = "") -> str:
    return hashlib.sha256(path.read_bytes() + salt.encode()).hexdigest()


def store(path: Path, folder: str) -> str:
    """Copy the file to where the slide row says it is; its name there."""
    target = Path(settings.SLIDES_ROOT) / folder / f"slide{path.suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return target.name
