"""Learn the moons from a table; print the accuracy on all points and on those held out, and the seconds."""

import time

START, CPU = time.perf_counter(), time.process_time()

import json  # noqa: E402 - after the clocks have started
import sys  # noqa: E402

from autograd_tiny import data, train  # noqa: E402


def accuracy(predictor, table):
    return sum(a == b for a, b in zip(predictor.predict(table), table["moon"], strict=True)) / len(table)


def main(epochs):
    moons = data.load_set("moons")
    learned = train.learn(moons, "moon", epochs=epochs, seed=0)
    found = {
        "accuracy": accuracy(learned.predictor, moons),
        "held_out": accuracy(learned.predictor, moons.take(learned.aside)),
    }
    end = time.perf_counter()
    print(json.dumps({**found, "seconds": end - START, "cpu": time.process_time() - CPU, "end": end}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
