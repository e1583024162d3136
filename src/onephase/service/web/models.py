"""What enters and leaves the page's interface, as JSON."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from onephase.settings import SubtypePolicy

Pair: TypeAlias = tuple[FiniteFloat, FiniteFloat]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=60)]
Key: TypeAlias = Annotated[str, StringConstraints(max_length=64)]


class Form(BaseModel):
    """What the page sends: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """What the page is sent."""

    model_config = ConfigDict(frozen=True)


class OpenForm(Form):
    """Which case of the work list to open."""

    case: Key


class BoxForm(Form):
    """A box in voxels of the volume as read, half-open."""

    column: Pair
    row: Pair
    slice: Pair


class PointForm(Form):
    """A point inside the tumour, in voxels of the volume as read."""

    column: FiniteFloat
    row: FiniteFloat
    slice: FiniteFloat


class OutlineForm(Form):
    """Where the tumour lies: a box around it, or a point inside it."""

    box: BoxForm | None = None
    point: PointForm | None = None

    @model_validator(mode="after")
    def _one(self) -> "OutlineForm":
        if (self.box is None) == (self.point is None):
            message = "give either a box or a point"
            raise ValueError(message)
        return self


class GivenForm(Form):
    """What pathology has found, as it wrote it; empty is not known."""

    er: Text = ""
    pr: Text = ""
    her2: Text = ""
    hr: Text = ""
    ki67: Text = ""
    policy: SubtypePolicy | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The texts by column of the cohort table."""
        return self.model_dump(exclude={"policy"})


class Problem(View):
    """Why something was refused, in one sentence."""

    detail: str


class ReaderView(View):
    """What the page must know before anything is opened."""

    version: str
    research_use: str
    training_caution: str
    bundle: str
    bundle_sha256: str
    trained_on: str
    training_cases: int
    policies: dict[SubtypePolicy, str]
    policy: SubtypePolicy
    accepted: dict[str, str] = Field(description="what each field of evidence understands")
    node: bool = Field(description="whether the work list is a node's, which boxes can be handed to")
    similar: bool = Field(description="whether similar training cases can be shown")
    largest_upload_bytes: int


class AnswerSummary(View):
    """What came out for a case of the work list, in one line."""

    subtype: str
    probability: float
    ki67_median_percent: float


class EntryView(View):
    """One line of the work list."""

    key: str
    case_id: str
    group: str
    site: str
    region: str
    provenance: str
    split: str = Field(description="the part it played in training this bundle; empty if none")
    answer: AnswerSummary | None = Field(description="what came out when it was opened; null before")


class GridView(View):
    """Where the voxels of a volume are, in LPS millimetres; everything in order slice, row, column."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: list[list[float]] = Field(description="its columns are the axes' unit vectors")


class CropView(View):
    """The voxels about the lesion for which distances are sent, in order slice, row, column."""

    start: tuple[int, int, int]
    shape: tuple[int, int, int]
    step_mm: float = Field(description="what one step of a distance is worth")


class LesionView(View):
    """One open lesion."""

    key: str
    case_id: str
    state: Literal["answered", "needs an outline"]
    grid: GridView
    phase: str
    split: str
    provenance: str
    recorded: dict[str, str]
    given: dict[str, str]
    policy: SubtypePolicy
    crop: CropView | None
    box: BoxForm | None = Field(description="the outline's bounding box")
    attention_is_even: bool
    prediction: dict[str, Any] | None = Field(description="as in prediction.json (docs/prediction.md)")


class SimilarView(View):
    """A training case that looks alike."""

    case_id: str
    cohort: str
    provenance: str
    recorded: dict[str, str]
    facts: dict[str, float]
    distance: float = Field(description="1: as near as a training case usually is to its nearest")
    picture: str
