"""The command line `slipway`: finding commands, printing, asking, and turning errors into one message."""
