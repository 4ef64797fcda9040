"""Opens the database file: with a write-ahead log where that is safe, otherwise as its location allows."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from pathlib import Path, PurePosixPath

from seedream_nb.core.errors import LibraryError
from seedream_nb.library.schema import TRIGGERS, VERSION, adapt, migrate, version_of

SECONDS_FOR_OTHERS = 30.0  # to wait for another kernel's transaction
MOUNTS = Path("/proc/self/mounts")  # Linux's list of mount points
# File systems, as Linux names them, that other machines may write to at the same time: those of networks and clusters,
# and folders that virtual machines share with their host.
_SHARED = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|drvfs|fhgfs|fuse(\..*)?|gfs2|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|prl_fs|pvfs2|smb3"
    r"|smbfs|vboxsf|virtiofs|vmhgfs"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def open_to_write(path: Path) -> sqlite3.Connection:
    """Opens or creates a library's file in autocommit mode, and updates its tables."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = _open(f"{path.as_uri()}?mode=rwc")
    try:
        _check_version(connection, path)
        choose_journal(connection, path)
        migrate(connection)
        for trigger in TRIGGERS:
            connection.execute(trigger)
    except BaseException:
        connection.close()
        raise
    return connection


def choose_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Lets readers and a writer work at the same time where that is safe."""
    # A write-ahead log needs memory that all processes share, which no network file system offers.
    wanted = "delete" if is_shared(path.parent) else "wal"
    granted = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if granted != wanted:
        with suppress(sqlite3.OperationalError):  # another kernel is using it at this moment
            granted = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]
    # With a log, a power failure may lose the last transactions, but never damages the file.
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if granted == 'wal' else 'FULL'}")


def open_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Opens a library's file without changing anything; returns whether it sees what others write, too."""
    if not path.exists():
        raise LibraryError(
            f"There is no library in {path.parent}, and none can be created there.",
            hint="Use another folder: SEEDREAM_LIBRARY, or Library(folder). SEEDREAM_LIBRARY=off turns it off.",
        )
    for options in ("mode=ro", "mode=ro&immutable=1"):
        # Where nothing can be written, the log of a killed writer cannot be applied: then read the file as it is.
        connection = _open(f"{path.as_uri()}?{options}")
        try:
            _check_version(connection, path)
            connection.execute("SELECT 1 FROM tasks LIMIT 1").fetchone()
            is_adapted = adapt(connection)
        except sqlite3.OperationalError as problem:
            connection.close()
            failure = problem
        except BaseException:
            connection.close()
            raise
        else:
            return connection, "immutable" not in options and not is_adapted
    raise failure


def is_shared(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether other machines may write to a folder, as far as can be told.

    True for network file systems, including those in user space, and for Windows paths that begin with the name of a
    machine; False if nothing is known.
    """
    if str(folder).startswith("\\\\"):
        return True
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        place = PurePosixPath(folder.resolve())
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        return False
    mounted = {}
    for _device, point, kind, *_rest in (line.split(" ") for line in lines if line.count(" ") > 1):
        # Spaces in a name are escaped as \040, and other separators likewise.
        mounted[PurePosixPath(_ESCAPE.sub(lambda found: chr(int(found[1], 8)), point))] = kind
    nearest = next((mounted[parent] for parent in (place, *place.parents) if parent in mounted), "")
    return _SHARED.fullmatch(nearest) is not None


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if version_of(connection) > VERSION:
        raise LibraryError(
            f"The library {path.parent} was written by a later version of seedream_nb.",
            hint="Upgrade seedream_nb, or use another library: SEEDREAM_LIBRARY, or Library(folder).",
        )


def _open(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=SECONDS_FOR_OTHERS, isolation_level=None, check_same_thread=False)
