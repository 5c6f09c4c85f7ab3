"""Train a small GPT on names, letter by letter, and let it make up names of its own.

Run: python demos/8_gpt.py  (needs NumPy; with llvmlite some twenty seconds; --quick: a few steps)
Step through the loss of a tiny one: autograd-tiny step demos/8_gpt.py:loss --html out/gpt.html
"""

import random
import sys
import time

import numpy as np

from autograd_tiny import data, jit, ops, optim, value_and_grad
from autograd_tiny.nn import Embedding, Linear, Module, RMSNorm, attention, losses, softmax

LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = len(LETTERS)  # a token of its own: it begins and ends each name
BLOCK, WIDTH, HEADS = 8, 16, 4  # tokens that the network sees, numbers for each of them, heads of attention
BATCH, STEPS, RATE, TEMPERATURE = 32, 4000, 0.01, 0.7


class Sum(Module):
    """Sums of two lists of rows, number by number; a Module, so that pictures give them a box."""

    def __call__(self, xs, ys):
        return [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(xs, ys, strict=True)]


class Attention(Module):
    """Each token asks those up to itself: the answer is their values, mixed by how well their keys fit its query."""

    def __init__(self, width, heads, rng):
        self.heads = heads
        self.query, self.key, self.value, self.output = (Linear(width, width, False, seed=rng) for _ in range(4))

    def __call__(self, x):
        asked = self.query(x), self.key(x), self.value(x)
        size = len(x[0]) // self.heads
        parts = [slice(size * head, size * (head + 1)) for head in range(self.heads)]
        answers = [attention(*[[row[part] for row in rows] for rows in asked], is_causal=True) for part in parts]
        return self.output([[y for row in rows for y in row] for rows in zip(*answers, strict=True)])


class MLP(Module):
    """Each token by itself, through four times as many neurons."""

    def __init__(self, width, rng):
        self.wide, self.narrow = Linear(width, 4 * width, False, seed=rng), Linear(4 * width, width, False, seed=rng)

    def __call__(self, x):
        return self.narrow([[ops.relu(y) for y in row] for row in self.wide(x)])


class Block(Module):
    """Attention, then the small network; each adds to what came in."""

    def __init__(self, width, heads, rng):
        self.attention_norm, self.attention, self.attention_sum = RMSNorm(width), Attention(width, heads, rng), Sum()
        self.mlp_norm, self.mlp, self.mlp_sum = RMSNorm(width), MLP(width, rng), Sum()

    def __call__(self, x):
        x = self.attention_sum(x, self.attention(self.attention_norm(x)))
        return self.mlp_sum(x, self.mlp(self.mlp_norm(x)))


class GPT(Module):
    """Logits of the token that follows each token of a text."""

    def __init__(self, tokens=END + 1, block=BLOCK, width=WIDTH, heads=HEADS, seed=0):
        rng = random.Random(seed)
        self.letter, self.place = Embedding(tokens, width, seed=rng), Embedding(block, width, seed=rng)
        self.sum, self.norm, self.block = Sum(), RMSNorm(width), Block(width, heads, rng)
        self.output = Linear(width, tokens, seed=rng)
        self.name_parameters()

    def __call__(self, letters):
        x = self.sum(self.letter(letters), self.place(range(len(letters))))
        return self.output(self.block(self.norm(x)))


def loss_of(model, letters, following, mask):
    """Mean cross-entropy of the tokens of one name; the mask is 0 at the places after its end."""
    return losses.cross_entropy(model(letters), following, sample_weight=mask)


MODEL = GPT()


def loss_at(w, letters, following, mask):
    """Loss of the network with the parameters w."""
    return loss_of(MODEL.with_parameters(w), letters, following, mask)


def encoded(names):
    """Arrays with a row for each name: its tokens, those that follow, and the mask."""
    tokens = np.full((len(names), BLOCK + 1), END)
    for row, name in zip(tokens, names, strict=True):
        row[1 : len(name) + 1] = [LETTERS.index(letter) for letter in name]
    mask = np.arange(BLOCK) <= np.array([[len(name)] for name in names])
    return tokens[:, :-1], tokens[:, 1:], mask.astype(float)


def compiled():
    """One program for every batch of names: mean loss and gradient."""
    return jit(value_and_grad(loss_at), batch=("letters", "following", "mask"), reduce="mean")


def sample(model, rng):
    """Letters drawn one after another, until the end of the name."""
    tokens = [END]
    while len(tokens) <= BLOCK:
        logits = model(tokens)[-1]
        (token,) = rng.choices(range(END + 1), softmax([z / TEMPERATURE for z in logits]))
        if token == END:
            break
        tokens.append(token)
    return "".join(LETTERS[token] for token in tokens[1:])


def loss():
    """Loss of a tiny untrained GPT on the word "aba", small enough to follow every step of its gradient."""
    y = loss_of(GPT(tokens=3, block=4, width=2, heads=1), [2, 0, 1, 0], [0, 1, 0, 2], [1.0, 1.0, 1.0, 1.0])
    y.name = "loss"
    return y


def names():
    """First names that are short enough for the network."""
    return [name for name in data.names() if len(name) < BLOCK]


def main(steps):
    known, rng = names(), random.Random(0)
    w = np.array([p.data for p in MODEL.parameters()])
    print(f"a GPT of {len(w):,} parameters, {len(known)} names such as {', '.join(known[:3])}")
    step, adam = compiled(), optim.Adam(lr=lambda i: RATE * optim.cosine(i, steps))
    start = time.perf_counter()
    step(w, *encoded(known[:BATCH]))
    print(f"traced in {time.perf_counter() - start:.1f} s; compiled by {step.backend} while the first steps run")
    slots = adam.init(len(w))
    for i in range(steps):
        y, gradient = step(w, *encoded(rng.sample(known, BATCH)))
        adam.update(w, gradient, slots, i)
        if i % (steps // 10) == 0 or i == steps - 1:
            print(f"step {i:4}   loss {y:.4f}")
    trained = MODEL.with_parameters(w.tolist())
    print("made up:", ", ".join(sample(trained, rng) for _ in range(20)))


if __name__ == "__main__":
    main(20 if "--quick" in sys.argv else STEPS)
