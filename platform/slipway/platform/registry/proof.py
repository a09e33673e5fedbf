"""Whether the evidence for a version stands today: a passing, signed verdict on this bundle against this champion."""

from slipway.platform.registry.desk import Desk, Refused
from slipway.platform.registry.finding import Picked
from slipway.platform.registry.verdict import Verdict
from slipway.platform.registry.verdicts import SHOWN, VerdictMissing, VerdictRefused, load_verdict, objection


def gate_command(picked: Picked) -> str:
    """What judges it anew."""
    return f"slipway gate {picked.record.bundle[:12]} --against champion"


def standing_verdict(desk: Desk, picked: Picked, key: str | None = None) -> Verdict:
    """The verdict that holds against today's champion, or the named one if it does; else why there is none."""
    champion = picked.standing.champion
    mend = f"Judge it against today's champion: `{gate_command(picked)}`"
    given = picked.version.verdict_against(champion)
    if key is None and given is None:
        last = picked.version.last
        against = f"bundle {last.champion[:12]}" if last and last.champion else "no champion"
        now = f"{picked.record.model}'s champion is bundle {champion[:12]} now" if champion else "there is none now"
        raise Refused(f"{picked.name} was judged against {against}, and {now}.", mend=mend)
    try:
        verdict = load_verdict(desk.store, desk.people, key or (given.key if given else ""))
    except (VerdictMissing, VerdictRefused) as error:
        raise Refused(str(error), mend=mend) from None
    if why := objection(verdict, bundle=picked.record.bundle, champion=champion):
        raise Refused(why, mend=mend)
    if given is not None and given.key != verdict.key:
        raise Refused(
            f"{picked.name} was judged again: the newest verdict is {given.key[:SHOWN]}, not {verdict.key[:SHOWN]}.",
            mend=f"Look at the newest: `slipway model show {picked.name}`.",
        )
    if verdict.key not in {one.key for one in picked.version.verdicts}:
        raise Refused(f"The ledger does not tell of the verdict {verdict.key[:12]}.", mend=mend)
    if not verdict.passed:
        failed = verdict.failures[0].sentence
        raise Refused(f"{picked.name} did not pass against today's champion: {failed}", mend="Train a better one.")
    return verdict
