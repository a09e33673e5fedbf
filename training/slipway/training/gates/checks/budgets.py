"""Does it fit on the devices: a variant for each class that runs there, its size, its time, its memory, its engine?"""

from collections.abc import Iterator
from typing import Final

from slipway.platform.models.gates import Check
from slipway.platform.models.schema import Declaration, DeviceClass
from slipway.platform.registry.verdict import Checked
from slipway.serving.bundle.manifest import Variant
from slipway.training.gates.checks.common import devices_of, limit_words, state_of, unmeasured
from slipway.training.gates.evidence import Evidence
from slipway.training.gates.records import REPORT, Cost

MB: Final = 1_000_000


def budgets(declaration: Declaration, evidence: Evidence) -> Iterator[Checked]:
    """Class by class, variant by variant."""
    check, classes = declaration.gates.budgets, list(devices_of(declaration, evidence.manifest))
    if not classes:
        yield _for_nobody(declaration, evidence)
    for name in classes:
        device = declaration.devices[name]
        variants = [one for one in device.variants if one in evidence.manifest.variants]
        if not variants:
            yield _without(name, device)
        for variant in variants:
            yield _size(name, device, variant, evidence)
            if variant in evidence.report.unfit:
                yield _unfit(name, variant, evidence)
                continue
            if device.runtime == "tensorrt":
                yield _engine(check, name, variant, evidence)
            yield from _costs(check, name, device, variant, evidence)


def _for_nobody(declaration: Declaration, evidence: Evidence) -> Checked:
    """Without a class no variant is looked at, and nothing else could fail."""
    return Checked(
        gate="size",
        name="a device class that the model has",
        state="failed",
        sentence=f"The bundle is meant for {', '.join(evidence.manifest.devices)}; the model declares "
        f"{', '.join(declaration.devices)}.",
    )


def _without(name: str, device: DeviceClass) -> Checked:
    wanted = " or ".join(device.variants)
    return Checked(
        gate="size",
        name=f"a variant for {name}",
        state="failed",
        device=name,
        sentence=f"The bundle has no variant for {name}; expected is {wanted}. Export it again.",
    )


def _unfit(name: str, variant: Variant, evidence: Evidence) -> Checked:
    return Checked(
        gate="parity",
        name=f"runs on {name}, {variant}",
        state="failed",
        variant=variant,
        device=name,
        sentence=f"It does not run on the device's runtime: {evidence.report.unfit[variant]}",
        evidence=evidence.proof(REPORT),
    )


def _size(name: str, device: DeviceClass, variant: Variant, evidence: Evidence) -> Checked:
    file = evidence.manifest.variants[variant].file
    size = evidence.manifest.files[file].size / MB
    return Checked(
        gate="size",
        name=f"size on {name}, {variant}",
        state=state_of(passed=size <= device.size_mb),
        value=size,
        limit=device.size_mb,
        sense="most",
        variant=variant,
        device=name,
        sentence=f"{file} has {size:.2f} MB; expected is {limit_words(device.size_mb, 'most')} MB.",
        evidence={file: evidence.manifest.files[file].sha256},
    )


def _engine(check: Check, name: str, variant: Variant, evidence: Evidence) -> Checked:
    engine = evidence.manifest.variants[variant].engine
    words = f"engine on {name}, {variant}"
    if engine is None:
        why = "No TensorRT was at hand when the bundle was exported, so no engine was built of it."
        return unmeasured(check, "engine", words, why, variant=variant, device=name)
    told = f"{engine.tensorrt} built an engine of it." if engine.built else _problems(engine.tensorrt, engine.problems)
    return Checked(
        gate="engine", name=words, state=state_of(passed=engine.built), variant=variant, device=name, sentence=told
    )


def _problems(tensorrt: str, problems: tuple[str, ...]) -> str:
    first = problems[0].rstrip(".") if problems else "no reason was given"
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{tensorrt} built no engine of it: {first}{more}."


def _costs(check: Check, name: str, device: DeviceClass, variant: Variant, evidence: Evidence) -> Iterator[Checked]:
    found = {(one.device, one.variant): one for one in evidence.report.costs}.get((name, variant))
    if found is None:
        why = f"This machine cannot stand for {name} ({device.runtime}), so it was not measured."
        latency, memory = f"latency on {name}, {variant}", f"memory on {name}, {variant}"
        more = {"variant": variant, "device": name, "sense": "most"}
        yield unmeasured(check, "latency", latency, why, limit=device.latency_ms, **more)
        yield unmeasured(check, "memory", memory, why, limit=device.memory_mb, **more)
        return
    yield _latency(name, device, found, evidence)
    yield _memory(name, device, found, evidence)


def _latency(name: str, device: DeviceClass, found: Cost, evidence: Evidence) -> Checked:
    where = evidence.report.machine.get("cpu", "this machine")
    return Checked(
        gate="latency",
        name=f"latency on {name}, {found.variant}",
        state=state_of(passed=found.p95_ms <= device.latency_ms),
        value=found.p95_ms,
        limit=device.latency_ms,
        sense="most",
        variant=found.variant,
        device=name,
        sentence=f"95 of 100 calls with {found.batch} images took at most {found.p95_ms:.1f} ms (half of them "
        f"{found.p50_ms:.1f}) on one thread of {where}; expected is {limit_words(device.latency_ms, 'most')} ms.",
        evidence=evidence.proof(REPORT),
    )


def _memory(name: str, device: DeviceClass, found: Cost, evidence: Evidence) -> Checked:
    return Checked(
        gate="memory",
        name=f"memory on {name}, {found.variant}",
        state=state_of(passed=found.memory_mb <= device.memory_mb),
        value=found.memory_mb,
        limit=device.memory_mb,
        sense="most",
        variant=found.variant,
        device=name,
        sentence=f"Its process took {found.memory_mb:.0f} MB at most; expected is "
        f"{limit_words(device.memory_mb, 'most')} MB.",
        evidence=evidence.proof(REPORT),
    )
