"""Every choice of a run, in one frozen tree that comes from one TOML file.

An ablation is a value here, never another class: one scale, no attention, core only, one task,
independent tasks. The resolved tree travels in the bundle. ``settings.toml`` at the project's root
holds every default with its reason.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onephase.errors import SettingsError

RegionName: TypeAlias = Literal["core", "rim", "shell", "whole"]
StartName: TypeAlias = Literal["phenotype", "descriptors", "prior"]
TaskName: TypeAlias = Literal["er", "pr", "her2", "ki67"]
SubtypePolicy: TypeAlias = Literal["ki67_14", "ki67_20", "maisonneuve"]
Millimetres: TypeAlias = Annotated[float, Field(gt=0, le=200)]
Slices: TypeAlias = Annotated[int, Field(ge=1)]
Voxels: TypeAlias = Annotated[int, Field(ge=2)]
Channels: TypeAlias = Annotated[int, Field(ge=1)]

FEWEST_TO_NORMALISE = 2
"""Cases of a batch, from which a network learns what is ordinary: of one nothing."""

FARTHEST_SHELL_MM = 12.0
"""Distances outside the lesion are stored up to here; published shells reach 10 mm at most."""


class Section(BaseModel):
    """A section of the settings: frozen, and an unknown key is an error."""

    # Built when first used: the whole tree at once is sooner done than each section for itself.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RegionSettings(Section):
    """Where core, rim and shell part, on the signed distance to the lesion surface (our choice)."""

    core_depth_mm: Millimetres = Field(default=2.0, description="core: deeper inside than this")
    rim_reach_mm: Millimetres = Field(default=2.0, description="rim: from the core to this far outside")
    shell_reach_mm: Millimetres = Field(default=6.0, description="peritumoral shell: from the rim to here")
    softness_mm: Millimetres = Field(default=1.0, description="width of the linear ramp between two regions")

    @model_validator(mode="after")
    def _ordered(self) -> "RegionSettings":
        if self.shell_reach_mm <= self.rim_reach_mm:
            message = f"shell_reach_mm ({self.shell_reach_mm}) must exceed rim_reach_mm ({self.rim_reach_mm})"
            raise ValueError(message)
        if self.shell_reach_mm + self.softness_mm / 2 > FARTHEST_SHELL_MM:
            message = f"shell_reach_mm and half of softness_mm must not exceed {FARTHEST_SHELL_MM:g} mm together"
            raise ValueError(message)
        return self


class ImagingSettings(Section):
    """From a case to a patch of fixed physical size (our choice)."""

    sampling: Literal["volume", "stack"] = Field(
        default="volume",
        description="volume: resampled in 3-D; stack: slices that are not contiguous, resampled in plane",
    )
    spacing_mm: Millimetres = Field(default=1.5, description="voxel spacing of the patch (stack: in plane)")
    patch_voxels: tuple[Slices, Voxels, Voxels] = Field(default=(48, 48, 48), description="(slice, row, column)")


class NetworkSettings(Section):
    """The shape of the network; every ablation of the study is a value of these."""

    widths: tuple[Channels, ...] = Field(default=(16, 32, 64, 96), min_length=1, description="channels, stage by stage")
    stem_stride: Literal[1, 2] = Field(default=2, description="1 keeps the grid and costs ten times as much")
    scales: tuple[int, ...] = Field(default=(0, 1, 2, 3), description="encoder stages that are attended and pooled")
    start: StartName = Field(
        default="phenotype",
        description="phenotype: from a linear panel of what the phenotype stage reads; descriptors: of the region "
        "descriptors themselves; prior: from the prior",
    )
    attention: bool = Field(default=True, description="spatial attention; off: every voxel of a region alike")
    regions: tuple[RegionName, ...] = Field(default=("core", "rim", "shell"), min_length=1)
    tasks: tuple[TaskName, ...] = Field(default=("er", "pr", "her2", "ki67"), min_length=1)
    couplings: bool = Field(default=True, description="off: the four biomarkers are independent given the image")
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @property
    def stages(self) -> tuple[int, ...]:
        """Channels of the stages that are built: one coarser than is attended would feed nothing."""
        return self.widths[: max(self.scales) + 1]

    @model_validator(mode="after")
    def _consistent(self) -> "NetworkSettings":
        if not self.scales or any(not 0 <= scale < len(self.widths) for scale in self.scales):
            message = f"scales {self.scales} must name stages 0 to {len(self.widths) - 1}"
            raise ValueError(message)
        for name in ("scales", "regions", "tasks"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                message = f"{name} holds a value twice: {getattr(self, name)}"
                raise ValueError(message)
        return self


class AugmentationSettings(Section):
    """What may change in a training patch; scale may not, for size is information."""

    flip: bool = Field(default=True, description="left-right and the other two axes")
    shift_mm: float = Field(default=4.0, ge=0, description="the patch moves by up to this much")
    gain: float = Field(default=0.15, ge=0, description="sd of the logarithm of a global gain")
    noise: float = Field(default=0.1, ge=0, description="largest sd of added noise, in units of the patch")
    bias: float = Field(default=0.1, ge=0, description="sd of the logarithm of a smooth bias field")
    outline_mm: float = Field(default=0.7, ge=0, description="sd by which the outline grows or shrinks")


class LearningSettings(Section):
    """How the network is trained."""

    epochs: int = Field(default=40, ge=1)
    patience: int = Field(default=10, ge=1, description="epochs without a better validation log-likelihood")
    batch_size: int = Field(default=16, ge=FEWEST_TO_NORMALISE)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    coupling_sd: float = Field(default=0.5, gt=0, description="sd of the normal prior on couplings and shifts")
    ema_decay: float = Field(default=0.99, ge=0, lt=1, description="of the averaged weights that are kept")
    precision: Literal["auto", "f32", "bf16"] = Field(default="auto", description="auto: bf16 on a GPU that has it")
    seed: int = Field(default=1, ge=0)
    augmentation: AugmentationSettings = Field(default_factory=AugmentationSettings)


class SplitSettings(Section):
    """How patients are drawn where the table does not say: 7:1:2, as in the paper."""

    train: float = Field(default=0.7, gt=0, lt=1)
    validation: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> "SplitSettings":
        if abs(self.train + self.validation + self.test - 1) > 1e-9:  # noqa: PLR2004 - rounding
            message = f"train, validation and test must sum to 1, got {self.train + self.validation + self.test}"
            raise ValueError(message)
        return self


class Settings(Section):
    """The whole tree."""

    regions: RegionSettings = Field(default_factory=RegionSettings)
    imaging: ImagingSettings = Field(default_factory=ImagingSettings)
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    learning: LearningSettings = Field(default_factory=LearningSettings)
    split: SplitSettings = Field(default_factory=SplitSettings)
    subtype_policy: SubtypePolicy = "ki67_20"


def read_settings(path: Path) -> Settings:
    """Read a settings file.

    Args:
        path: A TOML file, where what it leaves out has its default; or a bundle, whose own settings are taken.

    Raises:
        SettingsError: If the file is missing, is not TOML, or holds an unknown key or a bad value.
    """
    bundle = path / "settings.json"
    try:
        if bundle.is_file():
            return _validated(json.loads(bundle.read_bytes()), source=str(bundle))
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"settings file {path} is missing"
        raise SettingsError(message) from None
    except IsADirectoryError:
        message = f"{path} is a folder and no bundle: give a TOML file, or a bundle for the settings of its own"
        raise SettingsError(message) from None
    except json.JSONDecodeError:
        message = f"{bundle} is not JSON: get the bundle again"
        raise SettingsError(message) from None
    except UnicodeDecodeError:
        message = f"settings file {path} is no text in UTF-8: give a TOML file"
        raise SettingsError(message) from None
    except OSError as fault:
        message = f"settings file {path} cannot be opened ({fault.strerror}): check that you may read it"
        raise SettingsError(message) from None
    return parse_settings(text, source=str(path))


def parse_settings(text: str, *, source: str) -> Settings:
    """Parse settings from TOML text; ``source`` names the text in a message."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        message = f"{source} is not TOML: {fault}"
        raise SettingsError(message) from None
    return _validated(values, source=source)


def _validated(values: object, *, source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            message = f"{source}: there is no setting {where}; see the annotated settings.toml"
            raise SettingsError(message) from None
        message = f"{source}: {where}: {first['msg']}, got {first['input']!r}; see the annotated settings.toml"
        raise SettingsError(message) from None
