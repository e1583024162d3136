"""The model card: what a bundle is, what it learned from, how well it did, and what it is not for."""

from onephase.inference.manifest import Manifest, ValidationFigure
from onephase.settings import Settings, StartName

_KIND = {
    "simulated": "**Trained on simulated tumours only.** It shows that the software works, nothing about patients.",
    "real": "Trained on real cases. It was not validated for clinical use.",
    "simulated and real": "**Trained partly on simulated tumours.** It was not validated for clinical use.",
}


STARTS: dict[StartName, str] = {
    "phenotype": "a linear panel of ten properties that a stage taught on simulated lesions reads",
    "descriptors": "a linear panel of region descriptors",
    "prior": "the prior",
}
"""What a network starts from, in words."""


def model_card(manifest: Manifest, settings: Settings) -> str:
    """Return the card of a bundle as markdown.

    Args:
        manifest: The bundle's facts; its file list and seal may still be empty.
        settings: The settings that it was trained with.
    """
    cohorts = "\n".join(
        f"| {cohort.name} | {cohort.provenance} | {cohort.cases} | "
        f"{', '.join(f'{label} {count}' for label, count in cohort.labels.items())} | "
        f"{', '.join(cohort.label_conventions) or 'not recorded'} |"
        for cohort in manifest.trained_on
    )
    figures = "\n".join(f"| {name} | {_figure(figure)} |" for name, figure in manifest.validation.items())
    regions, imaging, network = settings.regions, settings.imaging, settings.network
    return f"""# {manifest.name}

Research use only. {_KIND[manifest.provenance]}

## What it does
It reads one post-contrast breast MRI volume and the outline of one tumour, and gives one joint probability
distribution over ER, PR, HER2 and Ki-67. It does not find tumours.

## What it learned from
| cohort | provenance | training cases | labels recorded | label conventions |
|---|---|---|---|---|
{cohorts}

The reference labels come from tissue, mostly biopsies, and carry their sampling error.

## How well it did
| figure | validation cases |
|---|---|
{figures or "| none recorded | - |"}

Validation cases chose the stopping point, and whether answers are recalibrated, so these figures flatter. Figures from
held-out patients come from `onephase evaluate`.

## How it sees a tumour (our choices, not those of a publication)
- Patch: {" x ".join(map(str, imaging.patch_voxels))} voxels of {imaging.spacing_mm:g} mm ({imaging.sampling}).
- Regions by distance to the surface: core deeper than {regions.core_depth_mm:g} mm, rim to
  {regions.rim_reach_mm:g} mm outside, peritumoral shell to {regions.shell_reach_mm:g} mm.
- Network: starts from {STARTS[network.start]};
  widths {list(network.stages)}, scales {list(network.scales)}, attention
  {"on" if network.attention else "off"}, regions {list(network.regions)}, tasks {list(network.tasks)}, couplings
  {"on" if network.couplings else "off"}.
- Seeds: {", ".join(f"{name} {seed}" for name, seed in manifest.seeds.items()) or "not recorded"}.
- Made with onephase {manifest.onephase_version}.

## What it is not for
Diagnosis, treatment decisions, replacing biopsy, or any population, scanner or contrast phase unlike those above.
"""


def _figure(figure: ValidationFigure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f} (n = {figure.cases})"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f}, n = {figure.cases})"
