"""REST of cases, slides, regions and uploads: speaks HTTP, leaves decisions to slides.services."""

from slides.api.cases import CaseViewSet
from slides.api.iiif import IiifBaseView, IiifImageView, IiifInfoView
from slides.api.images import CropView, DziView, ThumbnailView, TileView
from slides.api.quarantine import ProtectionView, QuarantineView, ReleaseView
from slides.api.regions import RegionViewSet
from slides.api.slides import SlideViewSet
from slides.api.uploads import DuplicateView, UploadsView, UploadView

__all__ = [
    "CaseViewSet",
    "CropView",
    "DziView",
    "IiifBaseView",
    "IiifImageView",
    "IiifInfoView",
    "DuplicateView",
    "ProtectionView",
    "QuarantineView",
    "RegionViewSet",
    "ReleaseView",
    "SlideViewSet",
    "ThumbnailView",
    "TileView",
    "UploadView",
    "UploadsView",
]
