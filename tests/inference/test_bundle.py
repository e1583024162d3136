"""A bundle is taken only as it was written; every message names the file."""

import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from onephase.errors import BundleError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.inference.bundle import LIMITS_BYTES, Bundle, BundleContents, identity_of, load_bundle, write_bundle
from onephase.inference.manifest import MANIFEST_NAME, TrainingCohort, manifest_bytes, parse_manifest
from onephase.settings import ImagingSettings

FILES = (MANIFEST_NAME, *LIMITS_BYTES)


def resealed(folder: Path, name: str, content: bytes) -> Path:
    """Exchange a file and make the manifest fit, as one would who knows the format."""
    import hashlib

    manifest = parse_manifest((folder / MANIFEST_NAME).read_bytes(), source="test")
    facts = manifest.files[name].model_copy(
        update={"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    )
    manifest = manifest.model_copy(update={"files": {**manifest.files, name: facts}}).sealed()
    (folder / name).write_bytes(content)
    (folder / MANIFEST_NAME).write_bytes(manifest_bytes(manifest))
    return folder


def test_what_is_written_comes_back(bundle: Bundle, contents: BundleContents) -> None:
    assert bundle.settings == contents.settings
    assert bundle.split == contents.split
    assert bundle.calibration.to_json() == contents.calibration.to_json()
    assert bundle.prior.to_json() == contents.prior.to_json()
    assert np.array_equal(bundle.weights["slope"], contents.weights["slope"])
    assert bundle.manifest.provenance == "simulated"
    assert bundle.manifest.cases == 2
    assert "Trained on simulated tumours only" in bundle.card


def test_the_same_contents_make_the_same_bundle(tmp_path: Path, bundle: Bundle, contents: BundleContents) -> None:
    write_bundle(tmp_path / "again", contents)
    assert load_bundle(tmp_path / "again").identity == bundle.identity


def test_the_identity_is_read_without_the_network(bundle_folder: Path, bundle: Bundle) -> None:
    (bundle_folder / "network.onnx").write_bytes(b"")
    assert identity_of(bundle_folder) == bundle.identity
    (bundle_folder / "network.onnx").unlink()
    with pytest.raises(BundleError, match=r"network\.onnx is missing"):
        identity_of(bundle_folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_a_changed_byte_is_refused(bundle_folder: Path, name: str, where: float) -> None:
    content = bytearray((bundle_folder / name).read_bytes())
    content[int(where * (len(content) - 1))] ^= 1
    (bundle_folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        load_bundle(bundle_folder)


def test_simulated_cannot_be_turned_into_real(bundle_folder: Path) -> None:
    text = (bundle_folder / MANIFEST_NAME).read_text()
    (bundle_folder / MANIFEST_NAME).write_text(text.replace('"simulated"', '"real"'))
    with pytest.raises(BundleError, match="changed after it was written"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(bundle_folder: Path, name: str) -> None:
    (bundle_folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(bundle_folder)


def test_the_folder_that_holds_a_bundle_is_none(bundle_folder: Path) -> None:
    with pytest.raises(
        BundleError, match=rf"{bundle_folder.parent} is no bundle: give the folder that holds bundle\.json"
    ):
        load_bundle(bundle_folder.parent)


def test_an_unknown_file_is_named(bundle_folder: Path) -> None:
    (bundle_folder / "notes.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"notes\.txt does not belong"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize("name", ["model.pt", "last.ckpt", "weights.PKL"])
def test_a_checkpoint_is_refused_by_name(bundle_folder: Path, name: str) -> None:
    (bundle_folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match="pickled checkpoint"):
        load_bundle(bundle_folder)


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_renamed_pickle_is_refused_unopened(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(bundle_folder.parent)
    resealed(bundle_folder, "weights.safetensors", pickle.dumps(Bomb(), protocol=protocol))
    with pytest.raises(BundleError, match=r"weights\.safetensors is a pickle or a ZIP"):
        load_bundle(bundle_folder)
    assert not Path("exploded").exists()


def test_a_zipped_checkpoint_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Bomb()))
    resealed(bundle_folder, "weights.safetensors", (tmp_path / "a.zip").read_bytes())
    with pytest.raises(BundleError, match="pickle or a ZIP"):
        load_bundle(bundle_folder)


def test_a_broken_safetensors_header_is_refused(bundle_folder: Path) -> None:
    resealed(bundle_folder, "weights.safetensors", b"\xff" * 64)
    with pytest.raises(BundleError, match="made wrongly"):
        load_bundle(bundle_folder)


def test_unknown_settings_are_refused(bundle_folder: Path) -> None:
    settings = json.loads((bundle_folder / "settings.json").read_bytes())
    resealed(bundle_folder, "settings.json", json.dumps({**settings, "surprise": 1}).encode())
    with pytest.raises(BundleError, match="another version"):
        load_bundle(bundle_folder)


def test_a_link_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    (bundle_folder / "split.csv").rename(tmp_path / "elsewhere")
    (bundle_folder / "split.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"split\.csv cannot be opened"):
        load_bundle(bundle_folder)


def test_a_pipe_is_refused_and_does_not_hang(bundle_folder: Path) -> None:
    (bundle_folder / "split.csv").unlink()
    os.mkfifo(bundle_folder / "split.csv")
    with pytest.raises(BundleError, match=r"split\.csv is not a plain file"):
        load_bundle(bundle_folder)


def test_a_huge_file_is_refused(bundle_folder: Path) -> None:
    with (bundle_folder / "prior.json").open("ab") as stream:
        stream.truncate(1 << 20)
    with pytest.raises(BundleError, match=r"prior\.json is larger"):
        load_bundle(bundle_folder)


def test_no_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a folder"):
        load_bundle(tmp_path / "nothing")


def test_a_network_for_another_patch_is_refused(tmp_path: Path, contents: BundleContents) -> None:
    other = contents.settings.model_copy(update={"imaging": ImagingSettings(patch_voxels=(8, 8, 8))})
    write_bundle(tmp_path / "odd", replace(contents, settings=other))
    with pytest.raises(BundleError, match="export the network again"):
        load_bundle(tmp_path / "odd")


def numbers(cases: int) -> np.ndarray:
    """Return descriptors of some cases, all 0."""
    return np.zeros((cases, len(DESCRIPTORS)), dtype=np.float32)


def test_patches_of_another_shape_are_refused(bundle: Bundle) -> None:
    wrong = np.zeros((1, 4, 5, 6), dtype=np.float32)
    with pytest.raises(BundleError, match="prepare them with the bundle's own settings"):
        bundle.run(wrong, wrong, numbers(1))


def test_an_answer_that_is_not_finite_is_refused(bundle: Bundle) -> None:
    patch = np.full((1, *bundle.engine.patch_voxels), np.nan, dtype=np.float32)
    with pytest.raises(BundleError, match="no panel"):
        bundle.run(patch, patch, numbers(1))


def test_a_batch_is_its_cases(bundle: Bundle) -> None:
    images = np.random.default_rng(3).normal(size=(3, *bundle.engine.patch_voxels)).astype(np.float32)
    together = bundle.run(images, images, numbers(3))
    alone = [bundle.run(images[[row]], images[[row]], numbers(1)) for row in range(3)]
    assert np.allclose(together.potentials.unary, np.concatenate([one.potentials.unary for one in alone]), atol=1e-6)
    assert together.attention.shape == (3, *bundle.engine.patch_voxels)
    assert together.region_weights.shape == (3, 4, 3)


def test_a_network_of_other_descriptors_is_refused(tmp_path: Path, contents: BundleContents) -> None:
    manifest = write_bundle(tmp_path / "old", contents)
    path = tmp_path / "old" / "bundle.json"
    old = manifest.model_copy(update={"descriptors": (*manifest.descriptors[1:], "a descriptor of old")}).sealed()
    path.write_bytes(manifest_bytes(old))
    with pytest.raises(BundleError, match="other descriptors than this version has"):
        load_bundle(tmp_path / "old")


def test_real_and_simulated_are_told_apart(tmp_path: Path, contents: BundleContents) -> None:
    real = TrainingCohort(name="patients", provenance="real", cases=3, labels={})
    manifest = write_bundle(tmp_path / "mixed", replace(contents, trained_on=(*contents.trained_on, real)))
    assert manifest.provenance == "simulated and real"
    assert manifest.cases == 5
    assert write_bundle(tmp_path / "real", replace(contents, trained_on=(real,))).provenance == "real"


def test_a_full_disk_leaves_the_old_bundle(bundle_folder: Path, network: onnx.ModelProto) -> None:
    """A file-size limit stands for the full disk, in a process of its own."""
    before = {path.name: path.read_bytes() for path in bundle_folder.iterdir()}
    program = f"""
import resource, sys
from dataclasses import replace
from pathlib import Path
from onephase.errors import StorageError
from onephase.inference.bundle import BundleContents, load_bundle, write_bundle
folder = Path({str(bundle_folder)!r})
old = load_bundle(folder)
contents = BundleContents(
    name="larger", network=(folder / "network.onnx").read_bytes(), weights=old.weights, settings=old.settings,
    calibration=old.calibration, prior=old.prior, split=old.split, trained_on=old.manifest.trained_on,
    seeds={{}}, validation={{}},
)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY))
try:
    write_bundle(folder, contents)
except StorageError as fault:
    print(fault)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "file-size limit is reached; nothing was left half-written" in done.stdout
    assert {path.name: path.read_bytes() for path in bundle_folder.iterdir()} == before
    assert [path.name for path in bundle_folder.parent.iterdir()] == ["bundle"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
