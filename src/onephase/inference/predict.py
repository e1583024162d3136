"""The whole path: a case goes in, is seen by region, becomes one posterior, and leaves as a prediction."""

import numpy as np

from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.wording import describe
from onephase.imaging.case import Case
from onephase.imaging.preprocessing import prepare_patch
from onephase.inference.bundle import Bundle
from onephase.inference.cautions import policy_cautions, training_caution, warnings_for
from onephase.inference.maps import Maps
from onephase.inference.prediction import Given, Outline, Prediction
from onephase.inference.provenance import origin_of
from onephase.inference.reading import read_off
from onephase.inference.regions import regions_of
from onephase.inference.view import view
from onephase.settings import SubtypePolicy


def predict(
    bundle: Bundle, case: Case, *, given: Events | None = None, policy: SubtypePolicy | None = None
) -> Prediction:
    """Predict the panel of one case.

    Args:
        bundle: What predicts.
        case: The volume and where its tumour lies; a box or a seed point is outlined while the patch is prepared.
        given: What pathology has already found, one event; None when nothing is known.
        policy: The rule that parts the subtypes; the bundle's own when None.

    Raises:
        ImageError: If the tumour cannot be outlined or does not fit the patch.
        EvidenceError: If what is given is impossible.
        BundleError: If the network's answer is no panel.
    """
    settings = bundle.settings
    policy = policy or settings.subtype_policy
    patch = prepare_patch(case, imaging=settings.imaging, regions=settings.regions)
    answer = bundle.run(patch.image[np.newaxis], patch.distance_mm[np.newaxis], patch.descriptors[np.newaxis])
    image_alone = PanelPosterior.from_potentials(bundle.calibration.apply(answer.potentials))
    posterior = image_alone if given is None else image_alone.given(given)
    prior = PanelPosterior.from_potentials(bundle.prior)
    readings = read_off(PanelPosterior.stack([posterior, image_alone, prior]), policy=policy)
    attention, told = answer.attention[0], _given(given, image_alone=image_alone)
    drawn = Outline(method=patch.outline_method, measurements=dict(patch.facts))
    return Prediction(
        case_id=case.case_id,
        reading=readings[0],
        image_alone=readings[1],
        prior=readings[2],
        given=told,
        policy=policy,
        policy_cautions=policy_cautions(policy),
        training_caution=training_caution(bundle.manifest.provenance),
        warnings=warnings_for((*case.warnings, *patch.flags), given=told),
        regions=regions_of(patch, settings, attention=attention, weights=answer.region_weights[0]),
        radii=settings.regions,
        outline=drawn,
        origin=origin_of(bundle, case),
        view=view(case.volume, patch.frame, distance_mm=patch.distance_mm, attention=attention),
        maps=Maps(patch.frame, patch.distance_mm, attention),
    )


def _given(events: Events | None, *, image_alone: PanelPosterior) -> Given | None:
    if events is None:
        return None
    return Given(facts=describe(events)[0], probability=float(np.exp(image_alone.log_probability(events)[0])))
