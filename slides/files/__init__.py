"""Where uploads and slides lie on the disk, and how a file gets from one place to the other for good.

    UPLOADS_ROOT/<upload id>.part        what has arrived; its size is the offset
    SLIDES_ROOT/<folder>/<file><suffix>  whole files, named by us; <folder> is the upload's id or its bundle's
    SLIDES_ROOT/<folder>/thumbnail.jpeg  made by the check, as are levels.tiff and native.idx
    SLIDES_ROOT/<folder>.unpacked/       while it is checked: what an archive holds
    SLIDES_ROOT/<folder>.making/         while it is checked: the working copy being written
    SLIDES_ROOT/<folder>.copy/           the working copy, whole, until it takes the place of what was sent
    SEALED_ROOT/<folder>/                the original as it was sent, once the working copy is in its place

All lie on one filesystem, so that a rename moves a whole slide at once. Names from people never become paths.
"""

from slides.files.durable import (
    move_folder,
    move_for_good,
    remove_file,
    remove_folder,
    remove_temporary,
    remove_tree,
    sync_folder,
    write_for_good,
)
from slides.files.names import (
    clean_label,
    clean_name,
    kept_suffix,
    refused_suffix,
    strip_invisible,
    suffix_of,
    suggested_label,
)
from slides.files.paths import (
    COPY,
    FOLDER,
    LEVELS,
    MAKING,
    NATIVE,
    THUMBNAIL,
    UNPACKED,
    WORK_FOLDERS,
    checked_ns,
    free_bytes,
    kept_path,
    levels_path,
    native_path,
    part_path,
    part_path_of,
    sealed_folder,
    slide_folder,
    slide_paths,
    thumbnail_path,
    upload_folder,
    work_folder,
)

__all__ = [
    "WORK_FOLDERS",
    "COPY",
    "FOLDER",
    "LEVELS",
    "MAKING",
    "NATIVE",
    "THUMBNAIL",
    "UNPACKED",
    "work_folder",
    "checked_ns",
    "clean_label",
    "clean_name",
    "free_bytes",
    "kept_path",
    "kept_suffix",
    "levels_path",
    "move_folder",
    "move_for_good",
    "native_path",
    "part_path",
    "part_path_of",
    "refused_suffix",
    "remove_file",
    "remove_folder",
    "remove_temporary",
    "remove_tree",
    "sealed_folder",
    "slide_folder",
    "slide_paths",
    "suffix_of",
    "suggested_label",
    "sync_folder",
    "thumbnail_path",
    "upload_folder",
    "strip_invisible",
    "write_for_good",
]
