"""The checks: pure functions from what is declared and what was found to `Checked`, one module for each subject."""
