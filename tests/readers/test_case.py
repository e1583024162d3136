import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import ImageError, NotOurInputError, PhaseUndecidedError
from onephase.imaging.case import Box, Mask, SeedPoint
from onephase.readers.case import read_case

VALUES = np.random.default_rng(4).uniform(10, 20, size=(4, 5, 6)).astype(np.float32)
BOX = Box((1.0, 5.0), (1.0, 4.0), (0.0, 3.0))


def saved(path: Path, values: np.ndarray = VALUES) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    return path


def test_a_volume_and_its_mask_become_a_case(tmp_path: Path):
    labels = np.zeros(VALUES.shape, np.uint8)
    labels[1, 2, 3] = 2
    image, mask = saved(tmp_path / "image.nii.gz"), saved(tmp_path / "mask.nii.gz", labels)
    case = read_case(image, case_id="0007", mask=mask, mask_label="")
    np.testing.assert_array_equal(case.volume.array, VALUES)
    assert isinstance(case.roi, Mask)
    assert (int(case.roi.array.sum()), case.roi.method) == (1, "given")
    assert case.source["format"] == "NIfTI"
    assert case.phase == ""


def test_exactly_one_region_is_asked_for(tmp_path: Path):
    image = saved(tmp_path / "image.nii")
    said = "case 0007: give exactly one of a mask, a box and a seed point: lesions are not detected here"
    with pytest.raises(ImageError, match=said):
        read_case(image, case_id="0007")
    with pytest.raises(ImageError, match=said):
        read_case(image, case_id="0007", box=BOX, seed=SeedPoint(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.where(VALUES > 19, np.nan, VALUES), r"case 0007: .*image\.nii: the image holds NaN or infinite values"),
        (np.full_like(VALUES, 3), r"case 0007: .*image\.nii: the image is constant"),
    ],
)
def test_nan_and_constant_images_are_refused(tmp_path: Path, values: np.ndarray, said: str):
    with pytest.raises(ImageError, match=said):
        read_case(saved(tmp_path / "image.nii", values), case_id="0007", box=BOX)


def test_a_box_outside_the_volume_is_refused_before_anything_else(tmp_path: Path, series_writer):
    series_writer(tmp_path, phases=3)
    with pytest.raises(ImageError, match="case 0007: the box reaches 1 to 9 along row, outside the volume's 0 to 5"):
        read_case(tmp_path, case_id="0007", box=Box((1.0, 5.0), (1.0, 9.0), (0.0, 3.0)))


def test_a_4d_nifti_says_which_option_to_use(tmp_path: Path):
    volumes = [SimpleITK.GetImageFromArray(VALUES * factor) for factor in (1, 2, 2.1)]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(volumes), str(tmp_path / "series.nii.gz"))
    path = tmp_path / "series.nii.gz"
    with pytest.raises(PhaseUndecidedError, match=r"is 4-D \(3 volumes\) .*choose a volume with --phase N \(1 to 3"):
        read_case(path, case_id="0007", box=BOX)
    case = read_case(path, case_id="0007", box=BOX, phase=2)
    np.testing.assert_allclose(case.volume.array, VALUES * 2, rtol=1e-6)
    assert case.phase == "phase 2 of 3, as asked for"
    pre = read_case(path, case_id="0007", box=BOX, phase="1")
    assert (
        "phase 1 was asked for and may be pre-contrast: phase 2 looks like the first post-contrast" in pre.warnings[-1]
    )


def test_the_phase_that_rises_in_the_region_is_the_first_post_contrast_one(tmp_path: Path, series_writer):
    made = series_writer(tmp_path, phases=3, levels=(1.0, 1.6, 1.7))
    for region in ({"box": BOX}, {"seed": SeedPoint(3.0, 2.0, 1.0)}):
        case = read_case(tmp_path, case_id="0007", **region)
        np.testing.assert_array_equal(case.volume.array, made.values[1])
        assert "phase 2 of 3, first post-contrast because the signal in the region of interest rises by" in case.phase
        assert case.source["phase"] == "2 of 3"
    late = read_case(tmp_path, case_id="0007", box=BOX, phase=3)
    assert "phase 3 was asked for and is a later one" in late.warnings[-1]


def test_an_undecided_phase_asks_for_an_index(tmp_path: Path, series_writer):
    series_writer(tmp_path, phases=3)
    with pytest.raises(
        PhaseUndecidedError, match=r"case 0007: .* holds 3 phases, and neither .*: name it with --phase 1 to 3"
    ):
        read_case(tmp_path, case_id="0007", box=BOX)
    assert read_case(tmp_path, case_id="0007", box=BOX, phase=3).phase == "phase 3 of 3, as asked for"


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (4, "--phase takes 1 to 3, not 4"),
        (0, "--phase takes 1 to 3, not 0"),
        ("early", "the phase 'early' is not understood"),
    ],
)
def test_a_phase_that_does_not_exist_is_refused(tmp_path: Path, series_writer, phase: str | int, said: str):
    series_writer(tmp_path, phases=3)
    with pytest.raises(ImageError, match=said):
        read_case(tmp_path, case_id="0007", box=BOX, phase=phase)


def test_a_single_phase_has_no_second(tmp_path: Path):
    with pytest.raises(ImageError, match="holds a single phase: --phase takes 1 or first-post here, not 2"):
        read_case(saved(tmp_path / "image.nii"), case_id="0007", box=BOX, phase=2)


def test_a_pre_contrast_series_is_refused_and_a_file_of_that_name_warned_of(tmp_path: Path, series_writer):
    series_writer(tmp_path / "pre", SeriesDescription="ax t1 fs pre")
    with pytest.raises(NotOurInputError, match=r"is a pre-contrast series by its name \('ax t1 fs pre'\)"):
        read_case(tmp_path / "pre", case_id="0007", box=BOX)
    for name in ("Pre.nii", "duke_001_0000.nii", "ispy2-100899_spy2_vis1_dce_aqc_0.nii"):
        case = read_case(saved(tmp_path / name), case_id="0007", box=BOX)
        assert "suggests a pre-contrast volume" in case.warnings[-1]
    for name in ("Post_1.nii", "case_0000.nii", "DUKE_001_0001.nii"):
        assert not any(
            "pre-contrast" in said for said in read_case(saved(tmp_path / name), case_id="1", box=BOX).warnings
        )


def test_a_phase_that_headers_call_pre_contrast_is_refused_though_asked_for(tmp_path: Path, series_writer):
    for number, name in enumerate(["pre", "post_1"], start=4):
        series_writer(tmp_path / name, number=number, SeriesDescription=name, AcquisitionTime=f"10{number:02d}00")
    assert "it follows the series that is named pre-contrast" in read_case(tmp_path, case_id="0007", box=BOX).phase
    with pytest.raises(NotOurInputError, match="phase 1 is pre-contrast; phase 2 looks like"):
        read_case(tmp_path, case_id="0007", box=BOX, phase=1)


def test_a_single_post_contrast_series_is_known_by_name(tmp_path: Path, series_writer):
    series_writer(tmp_path, SeriesDescription="ax t1 +C")
    assert read_case(tmp_path, case_id="0007", box=BOX).phase == "the only phase, named post-contrast ('ax t1 +C')"


def test_a_zip_and_a_folder_give_the_same_case(tmp_path: Path, series_writer):
    made = series_writer(tmp_path / "series", phases=2, levels=(1.0, 2.0))
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in sorted(made.folder.iterdir()):
            archive.write(path, path.name)
    folder, packed = (read_case(tmp_path / name, case_id="0007", box=BOX) for name in ("series", "study.zip"))
    np.testing.assert_array_equal(folder.volume.array, packed.volume.array)
    assert (folder.phase, folder.source, folder.warnings) == (packed.phase, packed.source, packed.warnings)


def test_the_ucsf_folder_is_read_at_its_second_phase(shared_data: Path):
    box = Box((80.0, 110.0), (90.0, 125.0), (22.0, 38.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        case = read_case(shared_data / "ucsf-br-06" / "dce", case_id="0007", box=box)
    assert case.volume.array.shape == (60, 256, 256)
    assert case.phase.startswith(
        "phase 2 of 3, first post-contrast because the signal in the region of interest rises by"
    )
    assert "contrast_agent" not in case.source
    assert any("no header names a contrast agent" in said for said in case.warnings)  # the header says NONE
    everything = f"{case.phase} {case.warnings} {case.source}"
    assert "UCSF-BR-06" not in everything
    assert "NACT" not in everything


def test_only_the_chosen_phase_of_the_ucsf_folder_is_decoded(shared_data: Path, monkeypatch):
    decoded = []
    from onephase.readers.dicom import scan as dicom_scan

    whole = dicom_scan.read_pixels
    monkeypatch.setattr(
        dicom_scan, "read_pixels", lambda slices, into: decoded.append(len(slices)) or whole(slices, into=into)
    )
    read_case(
        shared_data / "ucsf-br-06" / "dce", case_id="0007", box=Box((80.0, 110.0), (90.0, 125.0), (22.0, 38.0)), phase=2
    )
    assert decoded == [5, 5, 5, 60]  # five slices of each phase to compare the signal, then the phase itself


def test_shared_cases_are_read(shared_data: Path):
    folder = shared_data / "breast1"
    breast = read_case(folder / "breast1_image.nrrd", case_id="breast1", mask=folder / "breast1_label.nrrd")
    assert breast.volume.grid.shape == (21, 120, 45)
    folder = shared_data / "ibsi"
    phantom = read_case(folder / "phantom.nii.gz", case_id="ibsi", mask=folder / "mask.nii.gz", mask_label="1")
    assert isinstance(phantom.roi, Mask)
    assert int(phantom.roi.array.sum()) == 74


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
def test_slices_that_are_not_needed_are_not_read(tmp_path: Path, suffix: str):
    image = saved(tmp_path / f"image{suffix}")
    case = read_case(image, case_id="0007", box=BOX, needed=lambda roi, grid: range(1, 3))
    assert case.volume.slices == range(1, 3)
    np.testing.assert_array_equal(case.volume.array[1:3], VALUES[1:3])
    assert not case.volume.array[[0, 3]].any()


def test_pixels_of_dicom_files_that_are_not_needed_are_not_looked_at(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    made.files[0][0].write_bytes(made.files[0][0].read_bytes()[:-20])
    with pytest.raises(ImageError, match="damaged or truncated"):
        read_case(tmp_path, case_id="0007", box=BOX)
    case = read_case(tmp_path, case_id="0007", box=BOX, needed=lambda roi, grid: range(1, 4))
    np.testing.assert_array_equal(case.volume.array[1:], made.values[0, 1:])


def test_a_volume_file_is_read_without_dicom() -> None:
    program = "import sys, onephase.readers.case; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "onephase.readers.volume_file" in loaded
    assert "pydicom" not in loaded
