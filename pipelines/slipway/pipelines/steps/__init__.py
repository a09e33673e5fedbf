"""The steps of the loop, a module each: what `step.Step` says of them, and nothing that needs a scheduler."""
