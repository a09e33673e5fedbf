"""The whole loop for tests: a project with its local stack, people who drive it, a browser, and whoever kills."""
