"""What a bundle says about itself: its format, what it was trained on, and the sha256 of every file."""

import hashlib
import json
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, FiniteFloat, ValidationError

from onephase.errors import BundleError
from onephase.settings import Section

MANIFEST_NAME = "bundle.json"
FORMAT_VERSION: Final = 1

Provenance: TypeAlias = Literal["simulated", "real", "simulated and real"]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TrainingCohort(Section):
    """One cohort that the network has learned from."""

    name: str
    provenance: Literal["simulated", "real"]
    cases: Count = Field(description="cases used for training, validation cases not among them")
    labels: dict[str, Count] = Field(description="how many of them recorded er, pr, hr, her2, ki67")
    label_conventions: tuple[str, ...] = Field(default=(), description="what positive meant there")


class ValidationFigure(Section):
    """One figure measured on the validation cases when the bundle was made."""

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    cases: Count


class FileFacts(Section):
    """Size and digest of one file."""

    bytes: Count
    sha256: Sha256


class Manifest(Section):
    """The content of ``bundle.json``.

    The seal is the sha256 of the manifest's own text with an empty seal. It shows that the manifest is
    whole and as it was written; it does not show who wrote it.
    """

    format: Literal["onephase-bundle"] = "onephase-bundle"
    version: Literal[1] = FORMAT_VERSION
    name: str
    onephase_version: str
    descriptors: tuple[str, ...] = Field(description="what the numbers mean that the network is given beside a patch")
    trained_on: tuple[TrainingCohort, ...] = Field(min_length=1)
    seeds: dict[str, int]
    validation: dict[str, ValidationFigure]
    files: dict[str, FileFacts]
    seal: Sha256 | Literal[""] = ""

    @property
    def provenance(self) -> Provenance:
        """Whether the training cases were simulated, real, or some of both."""
        kinds = {cohort.provenance for cohort in self.trained_on}
        if len(kinds) > 1:
            return "simulated and real"
        return self.trained_on[0].provenance

    @property
    def cases(self) -> int:
        """The number of training cases."""
        return sum(cohort.cases for cohort in self.trained_on)

    def sealed(self) -> "Manifest":
        """Return the same manifest with its seal."""
        blank = self.model_copy(update={"seal": ""})
        return blank.model_copy(update={"seal": hashlib.sha256(manifest_bytes(blank)).hexdigest()})


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the one text that stands for a manifest, as UTF-8 bytes."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def parse_manifest(content: bytes, *, source: str) -> Manifest:
    """Parse ``bundle.json`` and check its seal.

    Args:
        content: The file's bytes.
        source: How a message names the file.

    Raises:
        BundleError: If it is not the manifest of a bundle of this version, or a byte of it was changed.
    """
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        message = (
            f"{source} is not the manifest of a version {FORMAT_VERSION} bundle ({where}: {first['msg']}): "
            "get the bundle again, or train one with this version"
        )
        raise BundleError(message) from None
    if manifest.sealed() != manifest or manifest_bytes(manifest) != content:
        message = f"{source} was changed after it was written (its seal does not fit): get the bundle again"
        raise BundleError(message)
    return manifest
