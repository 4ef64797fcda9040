"""Why: what is safe on a disk of this machine is not on one that several machines share."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

MOUNTS = Path("/proc/self/mounts")
# Names that Linux gives to file systems which other machines may write to at the same time.
_SHARED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fhgfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "smb3",
        "smbfs",
    }
)


def is_shared(folder: Path, mounts: Path = MOUNTS) -> bool:
    r"""Whether other machines may write to a folder, as far as can be told.

    Args:
        folder: The folder.
        mounts: The list of what is mounted where, as Linux has it.

    Returns:
        True for network file systems, those in user space among them, and for the paths of Windows that begin with
        a machine's name; False where nothing is known.
    """
    if str(folder).startswith("\\\\"):
        return True
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = PurePosixPath(folder.resolve())
    except OSError:
        return False
    mounted = {}
    for _device, point, kind, *_rest in (line.split(" ") for line in lines if line.count(" ") > 1):
        # Spaces in a name are written as \040.
        mounted[PurePosixPath(point.replace("\\040", " "))] = kind
    nearest = next((mounted[parent] for parent in (place, *place.parents) if parent in mounted), "")
    return nearest in _SHARED or nearest.startswith("fuse.")
