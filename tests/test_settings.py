from pathlib import Path

import pytest

from onephase.errors import SettingsError
from onephase.settings import Settings, parse_settings, read_settings

ANNOTATED = Path(__file__).parents[1] / "settings.toml"


def test_annotated_file_states_every_default():
    assert read_settings(ANNOTATED) == Settings()
    written = parse_settings(ANNOTATED.read_text(), source="x").model_dump(exclude_unset=True)
    assert written.keys() == Settings().model_dump().keys()
    for section, values in Settings().model_dump().items():
        if isinstance(values, dict):
            assert written[section].keys() == values.keys(), section


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[network]\nlayers = 3", "network.layers"),
        ("[network]\nscales = [7]", "must name stages 0 to 3"),
        ("[network]\ntasks = ['er', 'er']", "holds a value twice"),
        ("[network]\nwidths = [0, 4]\nscales = [1]", "network.widths.0: Input should be greater than or equal to 1"),
        ("[imaging]\npatch_voxels = [0, 16, 16]", "imaging.patch_voxels.0: Input should be greater than or equal to 1"),
        ("[imaging]\npatch_voxels = [1, 1, 1]", "imaging.patch_voxels.1: Input should be greater than or equal to 2"),
        ("[regions]\nrim_reach_mm = 8.0", "must exceed"),
        ("[regions]\nshell_reach_mm = 11.8", "must not exceed 12 mm together"),
        ("[split]\ntrain = 0.9", "must sum to 1"),
        ("[learning]\nepochs = 0", "learning.epochs"),
        ("not toml", "is not TOML"),
    ],
)
def test_bad_settings_are_one_sentence(text, part):
    with pytest.raises(SettingsError, match="mine") as caught:
        parse_settings(text, source="mine")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_settings_file(tmp_path):
    with pytest.raises(SettingsError, match="is missing"):
        read_settings(tmp_path / "none.toml")


def test_what_is_no_text_and_no_bundle_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match="is a folder and no bundle"):
        read_settings(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"bad\.toml is no text in UTF-8"):
        read_settings(tmp_path / "bad.toml")
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(SettingsError, match=r"settings\.json is not JSON"):
        read_settings(tmp_path)


def test_an_unknown_setting_is_called_so():
    with pytest.raises(
        SettingsError, match=r"^x: there is no setting network\.layers; see the annotated settings\.toml$"
    ):
        parse_settings("[network]\nlayers = 3", source="x")


def test_a_bundle_lends_its_settings(tmp_path):
    settings = Settings.model_validate({"imaging": {"spacing_mm": 2.5, "patch_voxels": (4, 5, 6)}})
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    assert read_settings(tmp_path) == settings
    (tmp_path / "settings.json").write_text('{"imaging": {"spacing_mm": 0}}')
    with pytest.raises(SettingsError, match=r"settings\.json: imaging\.spacing_mm"):
        read_settings(tmp_path)
