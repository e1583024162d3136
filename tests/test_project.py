"""The house itself: layers, light paths, the lock, and what must never stand in a tracked file."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid

ROOT = Path(__file__).parents[1]


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is no list of tracked files")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_layer_contracts_are_kept():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    assert "4 kept, 0 broken" in answer.stdout


def test_help_imports_nothing_heavy():
    program = "import sys, onephase.cli.commands; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "scipy", "pandas", "torch", "SimpleITK", "pydicom", "onnxruntime", "matplotlib", "pydantic"}
    assert not heavy & set(loaded)


def test_lock_is_hashed_and_names_no_address_and_no_bad_release():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert not [line for line in lock.splitlines() if line.startswith("-")]  # no option of an index
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)", lock, flags=re.MULTILINE)
    assert len(pins) > 100
    assert lock.count("--hash=sha256:") >= len(pins)
    assert not {("lightning", "2.6.2"), ("lightning", "2.6.3")} & set(pins)


def test_tracked_files_name_no_registry_and_no_machine():
    # put together from parts, so that this file does not find itself
    never = ["py" + "pi.org", "npm" + "js.org", "/ro" + "ot/", "/wo" + "rk/main", "--extra-" + "index-url"]
    for path in _tracked():
        if path.suffix in {".png", ".jpg", ".npy", ".gz", ".safetensors"}:
            continue
        text = path.read_text(encoding="utf-8")
        assert not [word for word in never if word in text], path


def test_no_pickle_is_loaded_anywhere():
    never = re.compile(r"\bimport pickle\b|\bpickle\.loads?\(|allow_pickle=True|torch\.load\(|\bimport joblib\b")
    for path in (ROOT / "src").rglob("*.py"):
        assert not never.search(path.read_text()), path


def test_run_time_shape_checks_are_on():
    grid = Grid.axial((4, 5, 6), (1.0, 1.0, 1.0))
    with pytest.raises(TypeCheckError):
        Mask(np.ones((5, 6), dtype=bool), grid)
