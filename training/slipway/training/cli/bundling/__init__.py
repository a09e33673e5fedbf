"""What `slipway bundle` does: naming, telling, comparing, importing, and writing for Triton."""
