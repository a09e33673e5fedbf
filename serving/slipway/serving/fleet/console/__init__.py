"""The console: server-rendered pages about models, rollouts, devices, decisions."""
