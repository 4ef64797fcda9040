"""Why: what is safe on a disk of this machine is not on one that several machines share."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

MOUNTS = Path("/proc/self/mounts")
# Names that Linux gives to file systems which other machines may write to at the same time: those of networks and
# clusters, and the folders that virtual machines share with their host.
_SHARED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "drvfs",
        "fhgfs",
        "fuse",
        "gfs2",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "prl_fs",
        "pvfs2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


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
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        place = PurePosixPath(folder.resolve())
    except (OSError, RuntimeError):  # the latter for links in circles
        return False
    mounted = {}
    for _device, point, kind, *_rest in (line.split(" ") for line in lines if line.count(" ") > 1):
        # Spaces in a name are written as \040, and what else separates likewise.
        mounted[PurePosixPath(_ESCAPE.sub(lambda found: chr(int(found[1], 8)), point))] = kind
    nearest = next((mounted[parent] for parent in (place, *place.parents) if parent in mounted), "")
    return nearest in _SHARED or nearest.startswith("fuse.")
