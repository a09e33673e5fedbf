"""A site whose champion goes to devices by a plan, a fleet in memory, and a controller that looks when told to."""

from dataclasses import dataclass, field
from datetime import timedelta

from planted.fleet import StandInFleet
from rolling_out import MODEL, Site
from slipway.platform.ledger.entry import Action
from slipway.platform.ledger.ledger import Ledger
from slipway.platform.registry.desk import Desk
from slipway.serving.fleet.controller.gathering import Gatherer
from slipway.serving.fleet.controller.leading import Led, lead
from slipway.serving.release.converging import converge
from slipway.serving.release.deciding import decide
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.metering import SILENT
from slipway.serving.release.opening import open_repository, open_sides
from slipway.serving.release.plan import Limits, Plan, PlannedWave, Sample
from slipway.serving.release.rules import MINIMUM_AGENT, PLAN, WAVE
from slipway.serving.release.starting import look

SAMPLE = Sample(decisions=10_000, devices=15)
WAVES = (
    PlannedWave(name="canary", share=30, soak=timedelta(hours=6), sample=SAMPLE, deadline=timedelta(days=2)),
    PlannedWave(name="all", soak=timedelta(hours=6), sample=SAMPLE, deadline=timedelta(days=2)),
)


class TimedSite(Site):
    """The ledger's clock is the site's, too."""

    def desk(self, by: str, *keys: str) -> Desk:
        desk = super().desk(by, *keys)
        vars(desk)["ledger"] = Ledger(desk.store, desk.people, desk.loaded.settings.data.cache / "l", now=desk.now)
        return desk


@dataclass
class Leading:
    """A site, its fleet, and a controller that looks when it is told to."""

    site: Site
    fleet: StandInFleet = field(init=False)

    def __post_init__(self) -> None:
        self.fleet = StandInFleet(MODEL, self.site.time.now)
        self.gatherer = Gatherer(self.fleet)

    def start(self, plan: Plan) -> None:
        """The champion begins by this plan."""
        desk = self.site.desk("dora")
        wanted = look(desk, MODEL, open_sides(desk), SILENT)
        assert not wanted.against
        wave = plan.waves[0].wave.model_copy(update={"seed": "s"})
        told = {WAVE: wave.model_dump(mode="json"), MINIMUM_AGENT: "0.0.0", PLAN: plan.model_dump(mode="json")}
        decide(desk, Action.RELEASE, wanted.about, details=told)
        converge(desk, open_repository(desk), (MODEL,))
        assert self.site.rollout.target
        self.fleet.follow(self.site.rollout)

    def look(self, gatherer: Gatherer | None = None) -> Led:
        """The controller comes by, with the rollout service's key alone."""
        desk = self.site.desk("rollouts", "rollouts")
        found = lead(desk, lambda: open_repository(desk), gatherer or self.gatherer, MODEL)
        self.fleet.follow(load_rollout(desk, MODEL)[0])
        return found

    def after(self, **time: float) -> Led:
        """The same, later."""
        self.site.time.forward(**time)
        return self.look()


def plan(*waves: PlannedWave, approvals: int = 0, **limits: float | None) -> Plan:
    return Plan(waves=waves or WAVES, approvals=approvals, limits=Limits(**limits))
