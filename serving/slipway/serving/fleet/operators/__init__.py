"""People who ask the fleet service: how their requests are signed, whose they are, and their sessions at the console.

    Authorization: Slipway-Person <the signed statement, in base64>

Nobody has a password. A request is signed with the key that signs everything else of this person, and says the service,
method, path, digest of the body, moment and a nonce; it counts once and for a few minutes. Roles are those of the
people file, as it is at this moment.
"""
