"""Slipway where models run: the device part, and the service that steers devices.

`bundle`, `channel`, `runtime` and `edge` are the device part. They run on every edge computer, need Python 3.10 and the
few dependencies of this distribution, and import nothing else of slipway. `release` and `fleet` run beside the
platform and need the extra `fleet`.
"""
