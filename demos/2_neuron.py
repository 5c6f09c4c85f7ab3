"""A neuron: forward, backward step by step, a picture, and a few steps of learning.

Run: python demos/2_neuron.py
"""

from pathlib import Path

from autograd_tiny import Value
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.terminal import print_trace

x1, x2 = Value(2.0, "x1"), Value(0.0, "x2")  # the inputs
w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.88, "b")  # the parameters


def neuron():
    return (x1 * w1 + x2 * w2 + b).tanh()


y = neuron()
print_trace(trace(y))

y.backward()
out = Path("out")
out.mkdir(exist_ok=True)
print(f"\nThe same as a picture: {draw(y).write(out / 'neuron.svg')}\n")

# Learning: ten small steps against the gradient of the error, so that the output approaches -0.5.
for step in range(11):
    error = (neuron() - -0.5) ** 2
    for weight in (w1, w2, b):
        weight.grad = 0.0
    error.backward()
    if step % 2 == 0:
        print(f"step {step:2}   neuron {neuron().data:+.4f}   error {error.data:.4f}")
    for weight in (w1, w2, b):
        weight.data -= 0.2 * weight.grad
print("\nw2 has not moved: its input x2 is 0, so its gradient is 0.")
