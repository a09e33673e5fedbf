"""The fleet service: HTTP around the fleet store. Devices, people and the console speak to it; nobody else writes."""
