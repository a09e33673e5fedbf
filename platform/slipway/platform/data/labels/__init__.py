"""Labels by people and machines: what each said of an image, what holds of it, and the formats of tools for labelling.

`marks` are boxes as somebody drew them, `opinions` says what holds when several people have spoken, `history` keeps
that in a row, `relabelling` brings what was said into a snapshot. The formats are `cvat`, `labelstudio` and `coco`.
"""
