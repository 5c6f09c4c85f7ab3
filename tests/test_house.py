"""Architecture: imports point one way, importing is light, the public names are listed."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_tiny

FOLDER = Path(autograd_tiny.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))

PUBLIC = {
    "autograd_tiny": "Op Value check compiler data diagnose draw engine explain grad gradcheck hessian hvp jacobian "
    "jit jvp live network nn ops optim pictures stepper stop_gradient trace tracing train transforms value_and_grad "
    "vjp",
    "autograd_tiny.check": "Callables Engine GradcheckError MicrogradLike Report ValueEngine check_engine check_grads "
    "conformance engine_property expressions gradcheck gradcheck_property gradgradcheck programs prove reals "
    "special_reals",
    "autograd_tiny.compiler": "Backend Jitted Program Step jit load source sparse_hessian sparse_jacobian",
    "autograd_tiny.data": "Features Table Target folds load_set names read_csv split",
    "autograd_tiny.engine": "Op Value explain ops tracing",
    "autograd_tiny.live": "encode live script",
    "autograd_tiny.nn": "Dropout Embedding Layer LayerNorm Linear MLP Module Neuron RMSNorm Sequential attention init "
    "log_softmax losses softmax",
    "autograd_tiny.nn.init": "calculate_gain constant_ kaiming_normal_ kaiming_uniform_ normal_ uniform_ "
    "xavier_normal_ xavier_uniform_",
    "autograd_tiny.nn.losses": "binary_cross_entropy_with_logits cross_entropy hinge huber kl_divergence mae mse",
    "autograd_tiny.optim": "Adagrad Adam AdamW Lion Optimizer RMSprop Rule SGD clip_grad_norm_ clip_norm_ cosine "
    "exponential lbfgs rules step_decay warmup",
    "autograd_tiny.pictures": "Graph RenderError draw linked network",
    "autograd_tiny.stepper": "BUGS BreakpointError Diagnosis Trace debug diagnose exhibit filmstrip frames from_json "
    "gif paths print_trace slides tikz to_json trace why worksheet write_page",
    "autograd_tiny.train": "Diverged Event Fitted Learned MLPClassifier MLPRegressor Predictor Report Training "
    "checkpoint fit learn load make_report metrics plots print_report read_model save steps write_report",
    "autograd_tiny.train.views": "metrics plots",
    "autograd_tiny.train.views.metrics": "accuracy class_scores confusion_matrix mae r2 rmse",
    "autograd_tiny.train.views.plots": "boundary confusion curves landscape residuals weights",
    "autograd_tiny.transforms": "Program Step grad hessian hvp jacobian jvp stop_gradient value_and_grad vjp",
}


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names(package):
    module = importlib.import_module(package)
    assert sorted(module.__all__) == PUBLIC[package].split()
    assert [name for name in dir(module) if not name.startswith("_")] == PUBLIC[package].split()
    for name in module.__all__:
        assert getattr(module, name) is not None
    star = {}
    exec(f"from {package} import *", star)
    assert set(PUBLIC[package].split()) <= set(star)


@pytest.mark.parametrize("package", PUBLIC)
def test_type_checkers_see_the_same_names(package):
    path = Path(importlib.import_module(package).__file__)
    nodes = [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    assert set(PUBLIC[package].split()) <= names


@pytest.mark.parametrize("package", PUBLIC)
def test_no_public_function_shares_its_name_with_a_module_beside_it(package):
    """Importing the module would put it in the function's place."""
    module = importlib.import_module(package)
    functions = {name for name in PUBLIC[package].split() if not isinstance(getattr(module, name), type(sys))}
    path = Path(module.__file__)
    modules = (
        {child.stem for child in path.parent.iterdir() if child.suffix in ("", ".py")}
        if path.stem == "__init__"
        else set()
    )
    assert not functions & modules


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(ImportError, match=r"autograd_tiny has no 'gradient': did you mean .*'grad'"):
        from autograd_tiny import gradient  # noqa: F401
    with pytest.raises(AttributeError, match=r"has no 'jacobien': did you mean 'jacobian'\?"):
        autograd_tiny.jacobien  # noqa: B018
    assert not hasattr(autograd_tiny, "qqqq")


def test_no_import_is_a_string_that_points_up():
    """`import_module` takes only names in the own folder, or names of other packages."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            ):
                text = ast.unparse(node.args[0])
                own = ".".join(path.relative_to(FOLDER.parent).parts[:2])
                assert "autograd_tiny" not in text or own in text, f"{path}: {text}"


def test_importing_is_light():
    code = "import sys, autograd_tiny; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("graphviz", "rich", "numpy", "hypothesis", "mpmath"):
        assert repr(heavy) not in loaded


def test_what_a_newcomer_reads_is_short():
    files = ("op", "ops", "operand", "value")
    assert sum(len((FOLDER / f"engine/{name}.py").read_text(encoding="utf-8").splitlines()) for name in files) < 700
