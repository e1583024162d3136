import csv
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.baselines import ibsi
from onephase.baselines.ibsi import REGIONS, IbsiSettings, ibsi_features, region_features
from onephase.errors import MissingExtraError
from onephase.imaging.patches import PatchStore

SHAPE = (12, 13, 14)
SETTINGS = IbsiSettings(spacing_mm=(1.5, 1.5, 1.5), shell_reach_mm=4.0, by_slice=False)
MIRP_NAMES = {"_d1_a0.0": "", "_d1": "", "_3d_v_mrg": "_3D_comb", "_2d_s_mrg": "_2D_comb", "_3d": "_3D", "_2d": "_2D"}


@pytest.fixture
def _mirp() -> None:
    pytest.importorskip("mirp", reason="the radiomics extra is not installed")


def _patch(*, radius_mm: float = 5.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy image and the signed distance to a ball."""
    where = np.stack(np.meshgrid(*(1.5 * (np.arange(size) - size / 2) for size in SHAPE), indexing="ij"))
    distance = np.linalg.norm(where, axis=0) - radius_mm
    image = np.random.default_rng(seed).normal(size=SHAPE) + 2 * (distance < 0)
    return image.astype(np.float16), distance.astype(np.float16)


def _reference_name(name: str) -> str:
    """Return how the reference table calls a feature of MIRP."""
    name = name.removesuffix("_fbn_n6")
    for ours, theirs in MIRP_NAMES.items():
        name = name.replace(ours, theirs)
    return name


def _half_a_digit(value: float) -> float:
    """Return half of the third digit, to which the references are given."""
    return 0.5 * 10 ** (np.floor(np.log10(abs(value))) - 2) if value else 0.0


@pytest.mark.usefixtures("_mirp")
@pytest.mark.parametrize(("by_slice", "compared"), [(False, 165), (True, 140)])
def test_the_digital_phantom_has_its_reference_values(shared_data: Path, by_slice: bool, compared: int) -> None:
    """Grey levels 1 to 6 in six bins stay as they are, so that the references without discretisation hold."""
    folder = shared_data / "ibsi"
    image = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(folder / "phantom.nii.gz")).astype(np.float64)
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(folder / "mask.nii.gz")) > 0
    settings = IbsiSettings((2.0, 2.0, 2.0), 6.0, by_slice, bins=6, volume_bins=6)
    with (folder / "ibsi_1_dig_phantom.csv").open(encoding="utf-8") as stream:
        rows = {row["tag"]: row for row in csv.DictReader(stream, delimiter=";")}
    measured = region_features(image, mask, families=settings.families("tumour"), settings=settings)
    references = {name: rows.get(_reference_name(name), {"reference value": ""}) for name in measured}
    known = {name: row for name, row in references.items() if row["reference value"]}
    assert len(known) >= compared
    for name, row in known.items():
        reference = float(row["reference value"])
        tolerance = max(float(row["tolerance"]), _half_a_digit(reference))
        assert measured[name] == pytest.approx(reference, abs=1.0001 * tolerance), name
    unknown = set(measured) - set(known)
    assert all("25" in name or "50" in name or "75" in name for name in unknown), unknown  # of the volume histogram


@pytest.mark.usefixtures("_mirp")
def test_the_same_as_by_the_front_door_of_mirp() -> None:
    from mirp import extract_features

    image, distance = _patch()
    mask = distance < 0
    settings = IbsiSettings((1.0, 1.0, 1.0), 6.0, by_slice=False)
    families = ("statistics", "intensity_histogram", "glcm", "glszm")
    ours = region_features(image.astype(np.float64), mask, families=families, settings=settings)
    (table,) = extract_features(
        image=image.astype(np.float64),
        mask=mask.astype(np.uint8),
        image_modality="mr",
        base_feature_families=list(families),
        base_discretisation_method="fixed_bin_number",
        base_discretisation_n_bins=32,
    )
    assert len(ours) > 80
    for name, value in ours.items():
        assert value == pytest.approx(table[name].iloc[0], rel=1e-6), name


@pytest.mark.usefixtures("_mirp")
def test_regions_are_tumour_and_shell_and_gain_changes_no_texture() -> None:
    image, distance = _patch()
    values = ibsi_features(image, distance, settings=SETTINGS)
    assert {name.split()[0] for name in values} == set(REGIONS)
    assert np.isfinite(list(values.values())).all()
    exact = image.astype(np.float64)
    shell = (distance >= 0) & (distance < 4)
    assert values["tumour stat_mean"] == pytest.approx(exact[distance < 0].mean())
    assert values["shell stat_mean"] == pytest.approx(exact[shell].mean())
    assert values["shell stat_var"] == pytest.approx(exact[shell].var())
    assert values["tumour morph_vol_approx"] == pytest.approx((distance < 0).sum() * 1.5**3)
    assert not [name for name in values if "moran" in name or name.startswith("shell morph")]
    brighter = ibsi_features(3 * exact + 5, distance, settings=SETTINGS)
    texture = [name for name in values if name.split()[1][:2] in {"cm", "rl", "sz", "dz", "ng"}]
    assert len(texture) > 150
    for name in texture:
        assert brighter[name] == pytest.approx(values[name]), name


@pytest.mark.usefixtures("_mirp")
def test_what_is_too_small_is_missing_under_the_same_names() -> None:
    image, distance = _patch()
    tiny = ibsi_features(image, distance + np.float16(4), settings=SETTINGS)
    assert list(tiny) == list(ibsi_features(image, distance, settings=SETTINGS))
    assert all(np.isnan(value) == name.startswith("tumour") for name, value in tiny.items())
    nothing = ibsi_features(image, np.full(SHAPE, 30.0, dtype=np.float16), settings=SETTINGS)
    assert np.isnan(list(nothing.values())).all()


@pytest.mark.usefixtures("_mirp")
def test_stacks_are_measured_within_their_slices() -> None:
    image, distance = (array[5:8] for array in _patch())
    settings = IbsiSettings((1.5, 1.5, 1.5), 4.0, by_slice=True)
    values = ibsi_features(image, distance, settings=settings)
    assert not [name for name in values if "morph" in name or "loc_" in name or "_3d" in name]
    shuffled = ibsi_features(image[[2, 0, 1]], distance[[2, 0, 1]], settings=settings)
    for name, value in values.items():
        assert shuffled[name] == pytest.approx(value, nan_ok=True), name


def test_settings_come_from_the_store() -> None:
    told = {"imaging.spacing_mm": 2.0, "imaging.sampling": "stack", "regions.shell_reach_mm": 5.0}
    settings = IbsiSettings.of_store(PatchStore(Path("store"), told, (4, 5, 6), ()))
    assert settings == IbsiSettings((2.0, 2.0, 2.0), 5.0, by_slice=True)
    assert settings.to_json()["bins"] == 32


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(ibsi, "version", absent)
    with pytest.raises(MissingExtraError, match=r"need MIRP, which is not installed: pip install '\.\[radiomics\]'"):
        ibsi_features(*_patch(), settings=SETTINGS)
