"""What goes wrong with keys, people and signatures.

Three answers matter to a caller: the bytes are not what they claim to be (`BadEnvelope`), they are genuine but their
signer may not say this (`NotTrusted`), and this machine cannot sign (`IdentityError`). A people file that is wrong, or
a name that does not exist, is a `WrongUse` like any other setting.
"""

from slipway.platform.errors import SlipwayError


class IdentityError(SlipwayError):
    """A key that cannot be used."""


class BadEnvelope(IdentityError):
    """Signed bytes that are malformed, changed, or of another kind than was asked for."""


class NotTrusted(IdentityError):
    """A key that nobody is known by, that was revoked, or whose holder lacks the role."""
