"""The rollout controller: plans, what treated devices did beside the rest, and when to go on, wait, pause or undo."""
