# `make demo` and `make test` set up everything they need in .venv and touch nothing outside this folder.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo test quick cover check check-torch lint docs bench bench-compiled bench-calls bench-train soak pictures gallery clean

help:
	@echo "make demo     train a model on real data, step through a neuron and a training step, and draw them"
	@echo "make test     run all tests (some five and a half minutes on two cores)"
	@echo "make quick    the quick ones of them (some twenty seconds)"
	@echo "make cover    the same tests, and which lines and branches they reach"
	@echo "make check    the same tests with many more examples and 20,000 random graphs (half an hour)"
	@echo "make check-torch  the tests that need PyTorch, which it installs"
	@echo "make lint     ruff, mypy, import-linter, vulture; biome for the page"
	@echo "make docs     build the documentation into out/docs"
	@echo "make bench    time the engine, the checker and the stepper, against others where there are any"
	@echo "make bench-calls  time the call of a compiled function, for arguments as people have them"
	@echo "make bench-compiled  time compiled functions against other engines, C and the roofline (some twenty minutes);"
	@echo "              ROWS=\"floats gpt\" for some rows, WRITE=1 to write the tables into docs/measured.md"
	@echo "make bench-train  time training against its targets, scikit-learn, PyTorch, NumPy and micrograd (some ten"
	@echo "              minutes); ROWS=\"digits gpt\" for some rows, WRITE=1 to write the tables into docs/measured.md"
	@echo "make soak     ten minutes of mixed work that must not grow; MINUTES=60 for an hour"
	@echo "make pictures draw the pictures of the README and the documentation again"
	@echo "make gallery  draw two dozen pictures, from a + a to a batch of 100 through a network, into out/gallery"

# One stamp per set of packages; each is made again when pyproject.toml changes.
.venv/%.stamp: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable $(if $(filter run,$*),".[train]",. --group $*)
	@touch $@

NEURON := "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.88

demo: .venv/run.stamp
	@mkdir -p out
	@echo "— One formula, three ways —"
	@$(BIN)/python demos/1_formula.py
	@echo "\n— A neuron, step by step —"
	@$(BIN)/autograd-tiny step $(NEURON)
	@echo "\n— A model is trained on a file of real penguins, kept, and asked —"
	@$(BIN)/autograd-tiny train autograd_tiny/data/penguins.csv --target species --drop-missing -o out/penguins.safetensors
	@head -n 4 autograd_tiny/data/penguins.csv > out/three.csv
	@$(BIN)/autograd-tiny predict out/penguins.safetensors out/three.csv --probabilities
	@echo "\n— A small network learns from real penguins, one scalar at a time —"
	@$(BIN)/python demos/3_penguins.py
	@echo "\n— The first step of that training, one scalar at a time —"
	@$(BIN)/autograd-tiny step demos/3_penguins.py:loss
	@$(BIN)/autograd-tiny step demos/3_penguins.py:loss --html out/training-step.html
	@echo "\n— Both as pictures —"
	@$(BIN)/autograd-tiny draw $(NEURON) -o out/neuron.svg
	@$(BIN)/autograd-tiny draw demos/3_penguins.py:loss -o out/training-step.png

test: .venv/test.stamp
	@$(BIN)/python -m pytest -n auto

quick: .venv/test.stamp
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -n auto -q tests -m "not (slow or long or browser or latex or compiler)"

check: .venv/test.stamp
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n auto -m ""

cover: .venv/test.stamp
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

check-torch: .venv/test.stamp .venv/torch.stamp
	@$(BIN)/python -m pytest -m "" tests/check -k torch

lint: .venv/lint.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@mkdir -p out
	@$(BIN)/lint-imports --no-cache > out/imports.txt || (cat out/imports.txt; false)
	@! $(BIN)/vulture | grep ^autograd_tiny  # others use, and are not looked at
	@$(BIN)/biome check --error-on-warnings

docs: .venv/docs.stamp
	@$(BIN)/sphinx-build -q -W --keep-going -d out/doctrees docs out/docs
	@echo "out/docs/index.html"

bench: .venv/bench.stamp
	@$(BIN)/python benchmarks/eager.py
	@$(BIN)/python benchmarks/check.py
	@$(BIN)/python benchmarks/seeing.py
	@$(BIN)/python benchmarks/drawing.py
	@$(BIN)/python benchmarks/live.py

bench-compiled: .venv/bench.stamp
	@$(BIN)/python benchmarks/compiled.py $(if $(ROWS),--rows $(ROWS)) $(if $(WRITE),--write)
	@$(BIN)/python benchmarks/layers.py
	@$(BIN)/python benchmarks/recording.py

bench-calls: .venv/bench.stamp
	@$(BIN)/python benchmarks/calls.py

bench-train: .venv/bench.stamp
	@$(BIN)/python benchmarks/train.py $(if $(ROWS),--rows $(ROWS)) $(if $(WRITE),--write)

soak: .venv/test.stamp
	@$(BIN)/python benchmarks/soak.py --minutes $(or $(MINUTES),10)

pictures: .venv/test.stamp
	@mkdir -p out
	@$(BIN)/autograd-tiny draw $(NEURON) -o demos/neuron.svg
	@$(BIN)/python demos/pictures.py

gallery: .venv/run.stamp
	@$(BIN)/python demos/gallery.py out/gallery

clean:
	rm -rf .venv out .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
