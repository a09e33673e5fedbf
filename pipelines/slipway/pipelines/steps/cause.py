"""The step `cause`: whether a run that nobody asked for trains, and why or why not in a sentence.

A run that somebody asked for passes at once. Every other one is `not needed` unless something that `model.yaml` names
has changed since the model was made: then the flow ends here, and nothing behind it is done.
"""

import time
from dataclasses import dataclass
from typing import Final

from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import ASKED, Ask, How, Tell, Told, Values

NAME: Final = "cause"


@dataclass(frozen=True)
class CauseStep:
    """Decides by `flows.causes`."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """The same as doing it: nothing is changed."""
        from slipway.pipelines.flows.causes import decide
        from slipway.pipelines.flows.changes import changed_since, drift_of, last_made

        if ask.cause == ASKED:
            return Told(step=NAME, how=How.DONE, line="Somebody asks for it.", values={NAME: ASKED})
        begun = time.monotonic()
        model = site.model(ask.model)
        reference = given.get("snapshot") or ask.snapshot
        made = last_made(site, model.name)
        changed = changed_since(site, model, made, reference) if made else None
        drift = drift_of(site, model.name, reference, changed.rows.by_people if changed else 0)
        decision = decide(model.declaration.retrain.on, ask.cause, changed, drift, model=model.name)
        how = How.DONE if decision.trains else How.SKIPPED
        values = {"cause": decision.cause or "", "task": decision.task}
        return Told(
            step=NAME,
            how=how,
            line=decision.line,
            values={name: value for name, value in values.items() if value},
            seconds=time.monotonic() - begun,
            mend=decision.mend,
        )

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Decide."""
        if ask.cause != ASKED:
            tell(f"Comparing what is there with what {ask.model} was made of …")
        return self.look(site, ask, given)


STEP: Final = CauseStep()
