"""The fleet store: which devices there are and what each of them runs.

Owns enrolment, what devices report, and the service that they report to. Runs beside the platform (extra `fleet`),
never on a device.
"""
