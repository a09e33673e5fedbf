"""The training loop: what the child of a runner does with a task, a snapshot and an order.

Lightning's `Trainer` runs the steps; what makes a run exact is ours and small. `Course` says which steps there are,
`Feed` gives the batch of any of them, `State` is all that a step leaves behind, and a checkpoint holds exactly that. A
child that goes on tells Lightning nothing of what came before: the first epoch is just shorter.
"""
