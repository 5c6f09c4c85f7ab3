"""Exercises, a file each, as data: the key, then wrong answers.

What the learner writes stands between ``# your turn`` and ``# end``. A wrong answer is a cell that begins with
``# %% wrong:`` and what to say to it; ``# %% with`` begins a cell that goes with each of them.

tanh.py        the slope of tanh
product.py     the slopes of a product
larger.py      the slopes of max, and a tie
chain.py       the chain rule
accumulate.py  a value used twice
order.py       the order of the sweep
engine.py      a whole engine
"""
