import time
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter, zoom
from tests.cohort.quality.conftest import record_of

from onephase.cohort.quality.duplicates import ALIKE, alike_pairs, best_correlation, duplicate_images
from onephase.cohort.quality.signature import FREQUENCIES, mirrored, mirrored_volumes, signature, volume_signature


def textured(seed: int, shape: tuple[int, int] = (112, 112)) -> np.ndarray:
    """Return a smooth random picture as grey levels."""
    noise = np.fft.fft2(np.random.default_rng(seed).normal(size=shape))
    slow = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[1]), np.fft.fftfreq(shape[0])))
    smooth = np.fft.ifft2(noise * np.exp(-((slow / 0.06) ** 2))).real
    return np.uint8(np.clip(128 + 50 * smooth / smooth.std(), 0, 255))


def test_the_signature_holds_low_frequencies_alone() -> None:
    picture = textured(1)
    own = signature(picture)
    assert own.shape == (FREQUENCIES**2 - 1,)
    assert np.linalg.norm(own) == pytest.approx(1)
    fine = picture + 20.0 * (np.indices(picture.shape).sum(axis=0) % 2)  # a chequerboard
    assert own @ signature(fine) > 0.999
    assert own @ signature(np.float64(picture)) == pytest.approx(1)
    coefficients = dctn(np.float64(picture), norm="ortho")[:FREQUENCIES, :FREQUENCIES].ravel()[1:]
    np.testing.assert_allclose(own * np.linalg.norm(coefficients), coefficients, rtol=1e-4, atol=1e-2)


def test_an_even_picture_has_no_signature() -> None:
    assert not signature(np.full((112, 112), 7, np.uint8)).any()


def test_mirrored_signatures_are_those_of_mirrored_pictures() -> None:
    pictures = [textured(seed) for seed in range(3)]
    turned = np.array([signature(picture[:, ::-1]) for picture in pictures])
    np.testing.assert_allclose(mirrored(np.array([signature(one) for one in pictures])), turned, atol=1e-5)


def test_pairs_are_those_of_the_whole_product_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    some = rng.normal(size=(37, 9)).astype(np.float32)
    some[30:] = some[:7] + 0.1 * rng.normal(size=(7, 9)).astype(np.float32)
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    whole = {(one, two) for one, two in np.argwhere(some @ some.T >= ALIKE).tolist() if one < two}
    assert len(whole) >= 7
    for block in (5, 37, 100):
        monkeypatch.setattr("onephase.cohort.quality.duplicates.BLOCK", block)
        assert set(alike_pairs(some, some, least=ALIKE)) == whole


@pytest.mark.parametrize(("down", "right"), [(0, 0), (4, -6), (-9, 8)])
def test_a_shift_of_a_few_pixels_is_found(down: int, right: int) -> None:
    large = textured(2, (140, 150))
    still = large[14:126, 14:126]
    moved = large[14 + down : 126 + down, 14 + right : 126 + right]
    assert best_correlation(still, moved) > 0.97
    assert best_correlation(still, textured(3)) < 0.8


def flags_of(phantoms, records=None):
    looks = [phantom.look() for phantom in phantoms]
    rows = records or [record_of(look.case_id) for look in looks]
    return dict(duplicate_images(rows, looks))


def flagged(phantoms, records=None):
    return {row: flag.reason for row, flag in flags_of(phantoms, records).items()}


def test_a_copy_is_found_under_any_name_gain_and_noise(phantoms) -> None:
    assert flagged(phantoms) == {}
    rng = np.random.default_rng(8)
    copy = phantoms[2].with_image(2.5 * phantoms[2].image + 90 + rng.normal(0, 30, phantoms[2].image.shape))
    moved = copy.with_mask(np.roll(copy.mask, 1, axis=2)).named("anything")
    others = [record_of(phantom.case.case_id, split="train") for phantom in phantoms]
    found = flagged([*phantoms, moved], [*others, record_of("anything", cohort="other", split="test")])
    assert set(found) == {2, len(phantoms)}
    assert found[2].startswith("The lesion looks like that of case anything of cohort other (correlation ")
    assert "and they are in train and test" in found[2]
    assert "that of case c2 of cohort clinic" in found[len(phantoms)]


@pytest.mark.parametrize(
    ("splits", "name"),
    [
        (("train", "test"), "duplicate-across-splits"),
        (("train", "train"), "duplicate-image"),
        (("train", ""), "duplicate-image"),
    ],
)
def test_a_copy_in_another_split_is_another_flag(phantoms, splits: tuple[str, str], name: str) -> None:
    records = [record_of(case, split=split) for case, split in zip(("c0", "x"), splits, strict=True)]
    found = flags_of([phantoms[0], phantoms[0].named("x")], records)
    assert {flag.name for flag in found.values()} == {name}
    assert all((" and they are in " in flag.reason) == (name != "duplicate-image") for flag in found.values())


def test_a_mirrored_copy_is_found(phantoms) -> None:
    turned = phantoms[3].with_image(phantoms[3].image[:, :, ::-1]).with_mask(phantoms[3].mask[:, :, ::-1])
    found = flagged([*phantoms[:5], turned.named("turned")])
    assert set(found) == {3, 5}
    assert "case turned, mirrored" in found[3]


def test_two_lesions_of_one_image_are_no_duplicates(phantoms) -> None:
    pair = [phantoms[0], phantoms[0].named("second")]
    image = Path("one.nii.gz")
    assert (
        flagged(pair, [record_of("c0", patient_id="p", image=image), record_of("x", patient_id="p", image=image)]) == {}
    )
    assert len(flagged(pair, [record_of("c0", image=image), record_of("x", image=image)])) == 2


@pytest.mark.parametrize("mirror", [False, True])
def test_another_lesion_of_a_copied_volume_is_found(phantoms, mirror: bool) -> None:
    rng = np.random.default_rng(9)
    image = 1.5 * phantoms[2].image + 40 + rng.normal(0, 45, phantoms[2].image.shape)  # 5 % of the range
    mask = np.roll(phantoms[2].mask, (4, 12, -20), axis=(0, 1, 2))  # far from the first
    if mirror:
        image, mask = image[:, :, ::-1], mask[:, :, ::-1]
    other = phantoms[2].with_image(image).with_mask(mask).named("other")
    found = flagged([*phantoms[:5], other])
    assert set(found) == {2, 5}
    assert found[2].startswith(f"The whole image looks like that of case other{', mirrored' if mirror else ''} (corr")


def test_two_lesions_of_one_volume_that_a_patient_has_twice_are_no_duplicates(phantoms) -> None:
    moved = phantoms[0].with_mask(np.roll(phantoms[0].mask, (4, 12, -20), axis=(0, 1, 2))).named("second")
    records = [
        record_of("c0", patient_id="p", image=Path("a.nii.gz")),
        record_of("x", patient_id="p", image=Path("b.nii")),
    ]
    assert flagged([phantoms[0], moved], records) == {}


@pytest.mark.parametrize("shape", [(16, 60, 72), (5, 33, 30), (3, 2, 4)])
def test_a_volume_signature_survives_gain_noise_and_another_grid(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    volume = gaussian_filter(rng.normal(size=shape), 1.5) * 100
    own = volume_signature(volume)
    assert own.shape == (6 * 12 * 12,)
    assert np.linalg.norm(own) == pytest.approx(1)
    assert own @ volume_signature(2 * volume + 50) == pytest.approx(1, abs=1e-5)
    assert abs(own @ volume_signature(gaussian_filter(rng.normal(size=shape), 1.5))) < 0.9
    turned = mirrored_volumes(own[None])[0]
    np.testing.assert_allclose(turned, volume_signature(volume[:, :, ::-1]), atol=0.05)
    assert own @ volume_signature(zoom(volume, 2, order=1, grid_mode=True, mode="nearest")) > 0.95
    assert not volume_signature(np.full(shape, 7.0)).any()


def test_large_volumes_are_sampled_and_give_the_same() -> None:
    small = gaussian_filter(np.random.default_rng(4).normal(size=(24, 40, 40)), 2)
    large = np.kron(small, np.ones((4, 7, 7)))
    assert volume_signature(small) @ volume_signature(large) > 0.99


def test_ten_thousand_are_compared_in_seconds() -> None:
    drawn = np.random.default_rng(1).normal(size=(10_000, FREQUENCIES**2 - 1)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[-1] = drawn[0]
    started = time.process_time()  # on a busy machine the clock tells little
    assert list(alike_pairs(drawn, drawn, least=ALIKE)) == [(0, 9_999)]
    assert time.process_time() - started < 30
