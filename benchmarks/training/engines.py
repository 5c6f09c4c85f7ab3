"""Trainings of an MLP by several engines, as their users write them: same start, same order, Adam(0.001), float64.

Each makes of sizes, batch, samples a call that does one epoch, and a function of the parameters reached.
"""

import warnings

import numpy as np
from subjects.network import layers_of

from autograd_tiny.nn import MLP, losses
from autograd_tiny.optim import Adam
from autograd_tiny.train.flat import flat, values_of
from autograd_tiny.train.samples import samples_of
from autograd_tiny.train.training import Training

RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8


def model_of(sizes):
    return MLP(sizes[0], list(sizes[1:]), seed=0)


def ours(sizes, batch, X, y):
    """The loop of `fit`."""
    optimizer = Adam(RATE)
    training = Training(
        model_of(sizes), losses.cross_entropy, samples_of(X, y), optimizer=optimizer, batch=batch, seed=0
    )
    events = training.run()

    def epoch():
        while not next(events).ends_epoch:
            pass

    return epoch, lambda: training.parameters


def by_torch(sizes, batch, X, y, threads=1):
    import torch

    modules = []
    for weights, biases in layers_of(sizes, flat(values_of(model_of(sizes)))):
        layer = torch.nn.Linear(*weights.shape[::-1], dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(weights), torch.tensor(biases)
        modules += [layer, torch.nn.ReLU()]
    network, xs, ys = torch.nn.Sequential(*modules[:-1]), torch.tensor(X), torch.tensor(y)
    optimizer, criterion = torch.optim.Adam(network.parameters(), lr=RATE), torch.nn.CrossEntropyLoss()
    generator = np.random.default_rng(0)

    def epoch():
        torch.set_num_threads(threads)
        order = torch.from_numpy(generator.permutation(len(xs)))
        for i in range(0, len(xs), batch):
            rows = order[i : i + batch]
            optimizer.zero_grad()
            loss = criterion(network(xs[rows]), ys[rows])
            loss.backward()
            optimizer.step()

    def parameters():
        pairs = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in modules[:-1:2]]
        return np.concatenate([np.column_stack(pair).ravel() for pair in pairs])

    return epoch, parameters


def by_numpy(sizes, batch, X, y):
    """Backpropagation in matrices, written by hand; the layers are views of one array, which Adam moves in place."""
    start = layers_of(sizes, flat(values_of(model_of(sizes))))
    w = np.concatenate([part.ravel() for layer in start for part in layer])
    g, m, v, step = np.empty_like(w), np.zeros_like(w), np.zeros_like(w), 0
    layers, slopes = views_of(w, start), views_of(g, start)
    targets, generator = np.eye(sizes[-1])[y], np.random.default_rng(0)

    def gradient(x, t):
        hidden = [x]
        for weights, bias in layers:
            z = hidden[-1] @ weights.T
            z += bias
            hidden.append(np.maximum(z, 0.0))
        z -= z.max(axis=1, keepdims=True)
        d = np.exp(z)
        d /= d.sum(axis=1, keepdims=True)
        d -= t
        d /= len(x)
        for k in range(len(layers) - 1, -1, -1):
            np.matmul(d.T, hidden[k], out=slopes[k][0])
            d.sum(axis=0, out=slopes[k][1])
            if k:
                d = d @ layers[k][0]
                d *= hidden[k] > 0

    def epoch():
        nonlocal m, v, w, step
        order = generator.permutation(len(X))
        for i in range(0, len(X), batch):
            rows = order[i : i + batch]
            gradient(X[rows], targets[rows])
            step += 1
            m *= BETA1
            m += (1 - BETA1) * g
            v *= BETA2
            v += (1 - BETA2) * (g * g)
            root = np.sqrt(v)
            root /= np.sqrt(1 - BETA2**step)
            root += EPS
            w -= RATE / (1 - BETA1**step) * (m / root)

    return epoch, lambda: np.concatenate([np.column_stack(layer).ravel() for layer in layers])


def views_of(array, layers):
    """Weights and biases of layers as views of an array."""
    found, place = [], 0
    for parts in layers:
        views = []
        for part in parts:
            views.append(array[place : place + part.size].reshape(part.shape))
            place += part.size
        found.append(tuple(views))
    return found


def by_sklearn(sizes, batch, X, y, epochs):
    """scikit-learn's own loop, without early stopping: a call does all epochs."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(
        sizes[1:-1], solver="adam", alpha=0.0, batch_size=batch, learning_rate_init=RATE, max_iter=epochs, tol=0.0,
        n_iter_no_change=epochs + 1, random_state=0,
    )  # fmt: skip

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(X, y)

    return call
