"""Database and files of one point, kept in a folder while people work, and brought back into a fresh installation.

    manifest    what a backup holds: every file with its size and hash
    database    dump and load, by PostgreSQL's own programs
    save        makes a backup
    restore     brings it back

A backup's folder holds `database.dump`, `slides/`, `sealed/`, `uploads/`, `models/` and, written last, `manifest.json`.
"""

from slides.services.backup.restore import restore_backup
from slides.services.backup.save import make_backup

__all__ = ["make_backup", "restore_backup"]
