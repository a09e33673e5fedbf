"""From a request to work that runs: naming it, refusing what cannot work, providing what it needs, starting it."""
