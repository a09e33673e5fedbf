"""The commands of a person who submits work: runs, show, logs, cancel, rerun, targets, jobs."""
