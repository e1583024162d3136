"""The whole path: a case goes in, is seen by region, becomes one posterior, and leaves as a prediction."""

from dataclasses import dataclass

import numpy as np

from onephase.biomarkers.mixture import mixture
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.wording import describe
from onephase.imaging.case import Case
from onephase.imaging.outline import outline
from onephase.imaging.patch import Patch
from onephase.imaging.plausible_outlines import Doubt, plausible_outlines
from onephase.imaging.preprocessing import prepare_patch
from onephase.inference.bundle import Bundle, NetworkAnswer
from onephase.inference.cautions import policy_cautions, training_caution, warnings_for
from onephase.inference.maps import Maps
from onephase.inference.outline_spread import OutlineSpread, spread_of
from onephase.inference.prediction import Given, Outline, Prediction
from onephase.inference.provenance import origin_of
from onephase.inference.reading import read_off
from onephase.inference.regions import regions_of
from onephase.inference.view import view
from onephase.settings import SubtypePolicy


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What the network has seen of a case, before anything is told of it: enough to answer again and again.

    Attributes:
        case: The case.
        patches: What the network was shown: the lesion in its outline, then in other plausible ones.
        seen: What it said of each.
        doubt: How the other outlines were drawn; None where there are none.
        posteriors: The panel from the image alone, calibrated, for each outline.
        posterior: Their even mixture.
    """

    case: Case
    patches: tuple[Patch, ...]
    seen: NetworkAnswer
    doubt: Doubt | None
    posteriors: PanelPosterior
    posterior: PanelPosterior

    @property
    def patch(self) -> Patch:
        """The lesion in its own outline, which regions, attention and pictures are of."""
        return self.patches[0]


def predict(
    bundle: Bundle,
    case: Case,
    *,
    given: Events | None = None,
    policy: SubtypePolicy | None = None,
    doubt: Doubt | None = None,
) -> Prediction:
    """Predict the panel of one case.

    Args:
        bundle: What predicts.
        case: The volume and where its tumour lies; a box or a seed point is outlined while the patch is prepared.
        given: What pathology has already found, one event; None when nothing is known. One that leaves everything open
            counts as none, and a warning says so.
        policy: The rule that parts the subtypes; the bundle's own when None.
        doubt: How much the outline is doubted: the answer is then the mixture over several; None trusts it.

    Raises:
        ImageError: If the tumour cannot be outlined or does not fit the patch.
        EvidenceError: If what is given is impossible.
        BundleError: If the network's answer is no panel.
    """
    return answer(bundle, look(bundle, case, doubt=doubt), given=given, policy=policy)


def look(bundle: Bundle, case: Case, *, doubt: Doubt | None = None) -> Sight:
    """Show a case to the network, in each plausible outline: the slow half of :func:`predict`.

    Raises:
        ImageError: If the tumour cannot be outlined or does not fit the patch.
        BundleError: If the network's answer is no panel.
    """
    patches = _patches(bundle, case, doubt)
    images, distances, descriptors = (
        np.stack([getattr(patch, part) for patch in patches]) for part in ("image", "distance_mm", "descriptors")
    )
    seen = bundle.run(images, distances, descriptors)
    posteriors = PanelPosterior.from_potentials(bundle.calibration.apply(seen.potentials))
    return Sight(case, patches, seen, doubt, posteriors, mixture(posteriors))


def _patches(bundle: Bundle, case: Case, doubt: Doubt | None) -> tuple[Patch, ...]:
    imaging, regions = bundle.settings.imaging, bundle.settings.regions
    in_plane = imaging.sampling == "stack"
    masks = plausible_outlines(case, doubt, in_plane=in_plane) if doubt else (outline(case),)
    return tuple(prepare_patch(case, imaging=imaging, regions=regions, drawn=mask) for mask in masks)


def answer(
    bundle: Bundle, sight: Sight, *, given: Events | None = None, policy: SubtypePolicy | None = None
) -> Prediction:
    """Answer for a case that was looked at, given what pathology has found: the quick half of :func:`predict`.

    Raises:
        EvidenceError: If what is given is impossible.
    """
    settings, case, patch, image_alone = bundle.settings, sight.case, sight.patch, sight.posterior
    policy = policy or settings.subtype_policy
    known = given if given is not None and describe(given)[0] else None  # a bare 2+ leaves everything open
    posterior = image_alone if known is None else image_alone.given(known)
    prior = PanelPosterior.from_potentials(bundle.prior)
    readings = read_off(PanelPosterior.stack([posterior, image_alone, prior]), policy=policy)
    attention, told = sight.seen.attention[0], _given(known, image_alone=image_alone)
    spread = _spread(sight, given=known, policy=policy)
    drawn = Outline(method=patch.outline_method, measurements=dict(patch.facts), spread=spread)
    return Prediction(
        case_id=case.case_id,
        reading=readings[0],
        image_alone=readings[1],
        prior=readings[2],
        given=told,
        policy=policy,
        policy_cautions=policy_cautions(policy),
        training_caution=training_caution(bundle.manifest.provenance),
        warnings=warnings_for((*case.warnings, *patch.flags), given=told, in_vain=given is not None and known is None),
        regions=regions_of(patch, settings, attention=attention, weights=sight.seen.region_weights[0]),
        radii=settings.regions,
        outline=drawn,
        origin=origin_of(bundle, case),
        view=view(case.volume, patch.frame, distance_mm=patch.distance_mm, attention=attention),
        maps=Maps(patch.frame, patch.distance_mm, attention),
    )


def _spread(sight: Sight, *, given: Events | None, policy: SubtypePolicy) -> OutlineSpread | None:
    if sight.doubt is None:
        return None
    posteriors = sight.posteriors if given is None else sight.posteriors.given(given)
    volumes_ml = [patch.facts["volume_ml"] for patch in sight.patches]
    return spread_of(read_off(posteriors, policy=policy), volumes_ml=volumes_ml, error_mm=sight.doubt.error_mm)


def _given(events: Events | None, *, image_alone: PanelPosterior) -> Given | None:
    if events is None:
        return None
    return Given(facts=describe(events)[0], probability=float(np.exp(image_alone.log_probability(events)[0])))
