"""The arguments of every benchmark: `--quick` runs all of it on tiny sizes, and its figures say nothing."""

import argparse


def parser(text):
    """A parser that knows `--quick`, with the first line of a benchmark's docstring as its description."""
    made = argparse.ArgumentParser(description=text.partition("\n")[0])
    made.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs; its figures say nothing")
    return made
