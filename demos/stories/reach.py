"""An arm of two links reaches for a point: the gradient says how to turn each joint.

The hand is at the end of two links, and the loss is its squared distance from the target. No formula for the angles is
needed; where the target is out of reach, the arm stretches towards it.

Run: python demos/stories/reach.py
Look: autograd-tiny slides demos/stories/reach.py:distance
"""

from pathlib import Path

from autograd_tiny import Value, trace, tracing

UPPER, LOWER = 1.0, 0.8  # lengths of the links
WIDE, HIGH = 44, 14  # characters of the picture


def hand(shoulder, elbow):
    """Position of the hand; the elbow's angle is measured from the upper link."""
    return (
        UPPER * shoulder.cos() + LOWER * (shoulder + elbow).cos(),
        UPPER * shoulder.sin() + LOWER * (shoulder + elbow).sin(),
    )


def distance(shoulder=0.2, elbow=0.3, x=0.5, y=1.2):
    """Squared distance of the hand from a target."""
    shoulder, elbow = (
        a if isinstance(a, Value) else Value(a, name) for name, a in (("shoulder", shoulder), ("elbow", elbow))
    )
    across, up = hand(shoulder, elbow)
    across.name, up.name = "across", "up"
    return (across - x) ** 2 + (up - y) ** 2


def reach(target, angles=(0.2, 0.3), steps=200, rate=0.2):
    """Turn both joints against the gradient; return the angles and the path of the hand."""
    path = []
    for _ in range(steps):
        shoulder, elbow = Value(angles[0], "shoulder"), Value(angles[1], "elbow")
        path.append(tuple(x.data for x in hand(shoulder, elbow)))
        distance(shoulder, elbow, *target).backward()
        angles = shoulder.data - rate * shoulder.grad, elbow.data - rate * elbow.grad
    return angles, path


def picture(path, target):
    """Draw the path of the hand, from o to the target ×, and the shoulder +."""
    rows = [[" "] * WIDE for _ in range(HIGH)]
    for (x, y), sign in [((0.0, 0.0), "+"), *((at, "·") for at in path), (path[0], "o"), (target, "×")]:
        column, row = round((x + 0.4) / 2.6 * (WIDE - 1)), round((1.7 - y) / 1.9 * (HIGH - 1))
        if 0 <= column < WIDE and 0 <= row < HIGH:
            rows[row][column] = sign
    return "\n".join("".join(row).rstrip() for row in rows)


def main():
    for target in ((0.5, 1.2), (1.6, 1.4)):
        (shoulder, elbow), path = reach(target)
        x, y = path[-1]
        away = ((x - target[0]) ** 2 + (y - target[1]) ** 2) ** 0.5
        print(f"target {target}: the hand is at ({x:.4f}, {y:.4f}), {away:.4f} away;", end=" ")
        print(f"shoulder {shoulder:.4f}, elbow {elbow:.4f}")
        print(picture(path, target))
    print("The second target is out of reach: the elbow is straight, and the whole arm points at it.")

    out = Path("out")
    out.mkdir(exist_ok=True)
    with tracing() as recording:
        first = distance()
    print("The first step, step by step:", trace(first, recording).html(out / "reach.html"))


if __name__ == "__main__":
    main()
