"""The fleet service: devices' requests, operators' requests, the console's pages; one process over the fleet store."""
