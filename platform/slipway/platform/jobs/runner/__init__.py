"""What runs inside a job: it holds the attempt, feeds the child process, and records what became of it."""
