"""Command-line arguments of the benchmarks; `--quick` runs them on tiny sizes, as a test."""

import argparse


def parser(text):
    """Make a parser with `--quick`; the first line of `text`, a docstring, is its description."""
    made = argparse.ArgumentParser(description=text.partition("\n")[0])
    made.add_argument("--quick", action="store_true", help="run on tiny sizes as a test; the figures mean nothing")
    return made
