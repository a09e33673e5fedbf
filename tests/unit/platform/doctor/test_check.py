"""Checks run side by side, and none can hide another."""

import threading

from slipway.platform.doctor import Check, Finding, Status, examine
from slipway.platform.doctor.check import ok
from slipway.platform.errors import SlipwayError


def test_checks_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3)

    def meet() -> list[Finding]:
        meeting.wait(timeout=20)
        return [ok("met", "all three were there")]

    results = list(examine([Check(f"check {number}", meet) for number in range(3)], timeout_seconds=30))
    assert [finding.status for _, findings in results for finding in findings] == [Status.OK] * 3


def test_a_check_that_hangs_is_reported_and_the_others_still_answer() -> None:
    never = threading.Event()
    checks = [Check("hangs", lambda: [ok("x", str(never.wait()))]), Check("quick", lambda: [ok("quick", "here")])]
    findings = {check.name: found for check, found in examine(checks, timeout_seconds=0.5)}
    never.set()
    assert findings["quick"][0].status is Status.OK
    assert findings["hangs"][0].status is Status.FAILED
    assert "no answer" in findings["hangs"][0].detail


def test_an_error_becomes_a_finding_with_its_mend() -> None:
    def broken() -> list[Finding]:
        raise SlipwayError("the bucket is not there", mend="make it")

    def bug() -> list[Finding]:
        raise KeyError("oops")

    findings = {check.name: found[0] for check, found in examine([Check("a", broken), Check("b", bug)], 20)}
    assert (findings["a"].detail, findings["a"].mend) == ("the bucket is not there", "make it")
    assert findings["b"].status is Status.FAILED
    assert "KeyError" in findings["b"].detail
