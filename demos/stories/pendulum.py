"""A pendulum's friction, from its angle at twelve moments: the sweep goes back through time.

A pendulum is let go at 1 radian. Its angle was read to 0.01 radians; how strong is the friction, and how long the
pendulum? The swing is computed in small steps, the loss is the sum of squared differences, and one sweep says how both
numbers move it.

Run: python demos/stories/pendulum.py
Look: autograd-tiny slides demos/stories/pendulum.py:two_steps
"""

import math
import random
from pathlib import Path

from autograd_tiny import Value, trace

GRAVITY, START, EVERY, READINGS = 9.81, 1.0, 10, 12  # m/s², radians, steps from reading to reading, readings
STEP = 0.02  # seconds
TRUE = {"friction": 0.35, "length": 0.6}  # 1/s, m


def swing(friction, length, steps):
    """Yield the angle after each step; the speed is moved first, which keeps the energy."""
    angle, speed = START, 0.0
    for k in range(1, steps + 1):
        pull = angle.sin() if isinstance(angle, Value) else math.sin(angle)
        speed = speed + STEP * (-GRAVITY / length * pull - friction * speed)
        angle = angle + STEP * speed
        if isinstance(angle, Value):
            speed.name, angle.name = f"speed{k}", f"angle{k}"
        yield angle


def readings(seed=0):
    """Read the angles of the true pendulum, with errors."""
    noise = random.Random(seed)
    angles = list(swing(TRUE["friction"], TRUE["length"], EVERY * READINGS))
    return [round(angle + noise.gauss(0.0, 0.01), 2) for angle in angles[EVERY - 1 :: EVERY]]


def loss(friction, length, measured):
    angles = list(swing(friction, length, EVERY * len(measured)))
    return sum((angle - seen) ** 2 for angle, seen in zip(angles[EVERY - 1 :: EVERY], measured, strict=True))


def two_steps(friction=0.1, length=0.7):
    """The angle after two steps, small enough to look at."""
    friction, length = (
        x if isinstance(x, Value) else Value(x, name) for name, x in (("friction", friction), ("length", length))
    )
    return list(swing(friction, length, 2))[-1]


def main():
    measured = readings()
    print("seen:", "  ".join(f"{angle:+.2f}" for angle in measured))
    guess = {"friction": 0.1, "length": 0.7}
    rate = {"friction": 0.05, "length": 0.005}  # the loss is ten times as steep along the length
    for k in range(61):
        friction, length = Value(guess["friction"], "friction"), Value(guess["length"], "length")
        y = loss(friction, length, measured)
        y.backward()
        if k % 15 == 0:
            slopes = f"∂/∂friction {friction.grad:+8.4f}   ∂/∂length {length.grad:+8.4f}"
            print(
                f"step {k:2}   friction {friction.data:.4f}   length {length.data:.4f}   loss {y.data:.5f}   {slopes}"
            )
        guess = {
            "friction": friction.data - rate["friction"] * friction.grad,
            "length": length.data - rate["length"] * length.grad,
        }
    print(f"true      friction {TRUE['friction']:.4f}   length {TRUE['length']:.4f}")

    nudged = loss(guess["friction"] + 0.001, guess["length"], measured)
    print(
        f"a nudge of friction by 0.001 moves the loss by {nudged - loss(*guess.values(), measured):+.2e}: it is at rest"
    )
    out = Path("out")
    out.mkdir(exist_ok=True)
    print("Two steps of the swing, step by step:", trace(two_steps()).html(out / "pendulum.html"))


if __name__ == "__main__":
    main()
