"""The models that the platform looks after: what each declares in its `model.yaml`, and where its folder is.

`schema` is what a declaration may say, `reading` reads one strictly, `finder` finds all that are installed. Nothing
here imports a model's code: a scheduler, a registry and the command line can ask without torch.
"""
