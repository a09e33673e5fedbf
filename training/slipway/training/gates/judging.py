"""All checks of a bundle, in the order in which a person reads them. Pure: the same facts give the same checks."""

from slipway.platform.models.schema import Declaration
from slipway.platform.registry.verdict import Checked
from slipway.training.gates.checks.budgets import budgets
from slipway.training.gates.checks.champion import against_champion
from slipway.training.gates.checks.common import asked_variants
from slipway.training.gates.checks.origins import data_verdict, leakage
from slipway.training.gates.checks.parity import parity
from slipway.training.gates.checks.quality import quality
from slipway.training.gates.checks.robustness import robustness
from slipway.training.gates.evidence import Facts


def checks_of(declaration: Declaration, facts: Facts) -> tuple[Checked, ...]:
    """What every gate says."""
    gates, evidence = declaration.gates, facts.candidate
    wanted = asked_variants(declaration, evidence.manifest)
    variants = tuple(one for one in wanted if one in evidence.evaluations)
    return (
        *against_champion(gates.against_champion, facts),
        *quality(gates, evidence, variants),
        *robustness(gates.robustness, evidence, variants),
        *parity(gates.parity, evidence, variants),
        *budgets(declaration, evidence),
        data_verdict(gates.data, facts.data),
        leakage(gates.leakage, facts),
    )
