"""The agent: a journal, a pure state machine, and the effects that it asks for.

`state` is what the journal holds, `machine` decides, `ports` is what the agent needs from the world, `driver` joins
them. Clock, disk, network and runtime come in through the ports, so the decisions run unchanged in tests and
simulations.
"""
