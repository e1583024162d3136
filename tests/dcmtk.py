"""dcmtk's sender: an archive's side of the protocol that is not ours."""

import os
import shutil
import sys
from pathlib import Path

import pytest

OURS = Path(sys.executable).parent
"""Where pynetdicom puts a `storescu` of its own, with other options: first of all where the environment is active."""

STORESCU = shutil.which("storescu", path=os.pathsep.join(at for at in os.get_exec_path() if Path(at) != OURS)) or ""
ABSENT = "storescu (Debian package dcmtk) is not installed"
needs_storescu = pytest.mark.skipif(not STORESCU, reason=ABSENT)
