"""The segmentation network: who of at most three local speakers speaks in which 20 ms of a 10 s chunk.

`powerset` says what the classes mean, `frontend` and `network` are the model, `material`, `scene`
and `mixture` simulate the conversations it learns from, `trainer` trains, `measure` scores,
`export` writes the ONNX file.
"""
