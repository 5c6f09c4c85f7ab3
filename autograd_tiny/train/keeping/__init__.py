"""Models and other arrays in files, as data alone.

formats.py  safetensors and plain JSON, parsed strictly
files.py    files of arrays and metadata, written aside and replaced
shapes.py   the parameters of a Module as arrays by name
specs.py    a Module of the classes of `nn` as plain data, and back
models.py   `save`, `load` and `read_model`
"""
