"""How many cases a simulated cohort takes from which hospitals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onephase.errors import CohortError
from onephase.simulation.cases import CaseKey
from onephase.simulation.sites import site_of


@dataclass(frozen=True, slots=True)
class Plan:
    """How many cases come from where.

    Attributes:
        internal: Number of cases from ``sites``, which take turns.
        sites: Sites of the internal cases.
        external: Number of cases from ``external_sites``, marked ``external`` in the split column.
        external_sites: Sites of the external cases.
    """

    internal: int
    sites: tuple[str, ...]
    external: int = 0
    external_sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a plan without cases, or with cases from nowhere, or with a site that does not exist."""
        if self.internal + self.external < 1 or min(self.internal, self.external) < 0:
            message = f"a simulated cohort needs at least 1 case, got {self.internal} and {self.external} external"
            raise CohortError(message)
        if (self.internal and not self.sites) or (self.external and not self.external_sites):
            message = "a simulated cohort needs at least one site to take its cases from"
            raise CohortError(message)
        if set(self.sites) & set(self.external_sites):
            message = "a site cannot be internal and external at once: name each once"
            raise CohortError(message)
        for name in (*self.sites, *self.external_sites):
            site_of(name)

    def keys(self, seed: int) -> tuple[CaseKey, ...]:
        """Return the cases of the cohort."""
        inside = [CaseKey(seed, i, self.sites[i % len(self.sites)]) for i in range(self.internal)]
        outside = [
            CaseKey(seed, self.internal + i, self.external_sites[i % len(self.external_sites)])
            for i in range(self.external)
        ]
        return (*inside, *outside)


PRESETS = {
    "demo": Plan(internal=360, sites=("alder", "birch")),
    "paper": Plan(internal=886, sites=("alder", "birch", "cedar"), external=74, external_sites=("larch",)),
    "quick": Plan(internal=200, sites=("alder", "birch"), external=40, external_sites=("larch",)),
    "mixed": Plan(internal=600, sites=("alder", "birch", "elm")),
}
"""``paper`` has the case numbers of the paper's study, ``quick`` its form; in ``mixed`` one site has HR only."""


def plan_of(preset: str, *, cases: int | None = None, sites: Sequence[str] = ()) -> Plan:
    """Return a preset's plan, with another number of cases in its proportions, or with other internal sites.

    Raises:
        CohortError: If there is no such preset or site, or fewer than one case.
    """
    if preset not in PRESETS:
        message = f"there is no simulation preset {preset!r}: choose from {', '.join(PRESETS)}"
        raise CohortError(message)
    plan = PRESETS[preset]
    if cases is not None:
        external = round(cases * plan.external / (plan.internal + plan.external))
        plan = replace(plan, internal=cases - external, external=external)
    return replace(plan, sites=tuple(sites)) if sites else plan
