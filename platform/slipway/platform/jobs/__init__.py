"""Running work: the runner that holds an attempt, feeds a child process and records what became of it."""
