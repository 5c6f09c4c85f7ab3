"""Test frames: nothing moves, each shows the numbers known by its step only, files are whole or absent."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from autograd_tiny import Value, ops
from autograd_tiny.engine.digits import short
from autograd_tiny.pictures.writers.graph import Graph
from autograd_tiny.stepper.events import Backward, Forward, Node, Seed
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.layout import layout
from autograd_tiny.stepper.views.sequence import MOST_FRAMES, filmstrip, frame, frames, gif, tikz

pytestmark = pytest.mark.slow

Image = pytest.importorskip("PIL.Image")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [" ", "</svg>", "<b>bold</b>", 'say "a"', "שלום", "🎉漢", "\u202eevil", "a\\b{c}%$#_&~^", "<1->[x]--",
           "PICTURE", "]]>", "line\nbreak", "\x00", "-- a --> b", "é", "a" * 5000]  # fmt: skip


def neuron():
    x1, x2, w1, w2, b = Value(2.0, "x1"), Value(0.5, "x2"), Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.88, "b")
    y = (x1 * w1 + x2 * w2 + b).tanh()
    loss = y * y + (y - 1) ** 2 + w1 * 1e-12
    loss.name = "loss"
    w2.grad = 123456.789  # left over from an earlier backward()
    return trace(loss)


STEPS = neuron()
PICTURES = [frame(STEPS, n).pipe("svg", encoding="utf-8") for n in range(len(STEPS))]


def groups(svg, kind):
    found = {}
    for g in ET.fromstring(svg).iter(f"{SVG}g"):
        if g.get("class") == kind:
            found.setdefault(g.find(f"{SVG}title").text, []).append(g)
    return found


def texts(element):
    return ["".join(text.itertext()).replace("\xa0", " ") for text in element.iter(f"{SVG}text")]


def places(svg):
    """Size of the picture, outline of each box, position of the caption."""
    root = ET.fromstring(svg)
    boxes = {name: g.find(f"{SVG}path").get("d") for name, (g,) in groups(svg, "node").items()}
    caption = root.find(f"{SVG}g").find(f"{SVG}text")
    return root.get("viewBox"), boxes, (caption.get("x"), caption.get("y"))


def ends(svg):
    """Start and tip of each arrow."""
    found = []
    for several in groups(svg, "edge").values():
        for g in several:
            numbers = re.findall(r"-?[\d.]+", g.find(f"{SVG}path").get("d"))
            found.append(
                [*map(float, (*numbers[:2], *re.findall(r"-?[\d.]+", g.find(f"{SVG}polygon").get("points"))[2:4]))]
            )
    return found


def test_nothing_moves():
    first, *others = map(places, PICTURES)
    for n, other in enumerate(others, 1):
        assert other == first, n
    for svg in PICTURES:  # a thick arrow is shorter by its thickness at both ends
        for arrow, same in zip(ends(svg), ends(PICTURES[0]), strict=True):
            assert arrow == pytest.approx(same, abs=7)


def test_a_frame_shows_what_is_known_by_its_step_and_no_more():
    for n, svg in enumerate(PICTURES):
        state, shown = STEPS.at(n), groups(svg, "node")
        assert len(shown) == len(STEPS.nodes)
        for node in STEPS.nodes:
            *title, data, grad = texts(shown[f"n{node.number}"][0])
            assert node.named.title.replace(" ", "").startswith("".join(title).replace(" ", "").removesuffix("…"))
            assert data == f"data {short(node.data) if state.known(node) else '–'}", (n, node)
            got = state.grad(node)
            assert grad == f"grad {'–' if got is None else short(got)}", (n, node)


def test_no_gradient_is_zero_before_it_arrives():
    for n in range(STEPS.seed):
        assert "grad 0" not in PICTURES[n]
    left = groups(PICTURES[0], "node")[f"n{STEPS.node('w2').number}"][0]
    assert texts(left)[-1] == "grad 1.235e+05"  # a gradient left over is shown


def test_the_step_is_to_be_seen_without_colours():
    for n, (step, svg) in enumerate(zip(STEPS, PICTURES, strict=True)):
        boxes = {name: g.find(f"{SVG}path") for name, (g,) in groups(svg, "node").items()}
        assert [name for name, box in boxes.items() if box.get("fill") != "none"] == [f"n{step.node.number}"]
        dashed = [name for name, box in boxes.items() if box.get("stroke-dasharray")]
        assert dashed == ([f"n{step.operand.number}"] if isinstance(step, Backward) else [])
        arrows = [g for several in groups(svg, "edge").values() for g in several]
        thick = [g for g in arrows if g.find(f"{SVG}path").get("stroke-width") == "4"]
        labels = [texts(g) for g in arrows if texts(g)]
        if isinstance(step, Backward):
            assert [g.find(f"{SVG}title").text for g in thick] == [f"n{step.operand.number}->n{step.node.number}"]
            assert labels == [[f"local {short(step.local)}"]]
        else:
            operands = [x for x in step.node.operands if isinstance(x, Node)]
            assert len(thick) == (0 if isinstance(step, Seed) else len(operands)), n
            assert labels == []


def test_parallel_arrows_have_their_turn_from_the_top_down():
    a = Value(3.0, "a")
    steps = trace(a / a)
    thick = []
    for n in (3, 4):
        (arrows,) = groups(frame(steps, n).pipe("svg"), "edge").values()
        paths = [g.find(f"{SVG}path") for g in arrows]
        down = sorted(paths, key=lambda path: float(re.search(r",(-?[\d.]+)", path.get("d"))[1]))
        thick.append([i for i, path in enumerate(down) if path.get("stroke-width") == "4"])
    assert thick == [[0], [1]]


def test_parallel_arrows_of_a_layout_are_in_the_order_of_the_operands():
    x = Value(1.0, "x")
    steps = trace(ops.where(x, x, x))
    heights = [arrow[0][1] for arrow in layout(steps).arrows]
    assert heights == sorted(set(heights))
    assert len(heights) == 3


def test_the_caption_is_the_sentence_of_the_step():
    for n, svg in enumerate(PICTURES):
        caption = ET.fromstring(svg).find(f"{SVG}g").findall(f"{SVG}text")
        shown = " ".join("".join(line.itertext()).replace("\xa0", " ") for line in caption)
        assert shown.split() == " ".join(explain_step(STEPS, n)[:3]).split()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_hostile_names_are_text_and_nothing_else(name, tmp_path):
    steps = trace(Value(2.0, name) * Value(3.0, "b"))
    svgs = [frame(steps, n).pipe("svg", encoding="utf-8") for n in range(len(steps))]
    assert len({str(places(svg)) for svg in svgs}) == 1
    strip = filmstrip(steps, tmp_path / "strip.svg").read_text(encoding="utf-8")
    for svg in (*svgs, strip):
        kinds = {e.tag.removeprefix(SVG) for e in ET.fromstring(svg).iter()}
        assert kinds <= {"svg", "g", "title", "text", "path", "polygon", "rect", "line"}
    start = re.sub(r"\s+", " ", "".join(c if c.isprintable() else "·" for c in name))[:20]
    assert start in " ".join(texts(groups(svgs[0], "node")["n0"][0]))
    check_latex(tikz(steps), len(steps))


def check_latex(text, slides):
    """Check LaTeX without running it: braces and environments close, slides exist, every special letter is escaped."""
    plain = re.sub(r"\\[\\{}%$#&_]", "", text)
    depth = 0
    for c in plain:
        depth += (c == "{") - (c == "}")
        assert depth >= 0
    assert depth == 0
    assert plain.count("$") % 2 == 0
    assert not re.findall(r"[%&#~_^]", re.sub(r"\$[^$]*\$", "", plain))
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    assert text.count("\\begin{document}") == text.count("\\end{frame}") == 1
    for spec in re.findall(r"\\only<([^>]*)>", text):
        assert re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", spec)
        assert all(1 <= int(k) <= slides for k in re.findall(r"\d+", spec))
    assert all(c.isascii() or "À" <= c <= "ÿ" for c in text)


def on(spec):
    """The slides of ``1-3,5``."""
    ends = [part.split("-") for part in spec.split(",")]
    return {k for first, *last in ends for k in range(int(first), int((last or [first])[0]) + 1)}


def test_tikz_shows_the_same_as_the_frames():
    text = tikz(STEPS)
    check_latex(text, len(STEPS))
    lines = [line for line in text.splitlines() if line.startswith("\\node[box")]
    lines = [line.replace("-{}", "-") for line in lines]
    assert len(lines) == len(STEPS.nodes)
    for node, line in zip(STEPS.nodes, lines, strict=True):
        for n in range(len(STEPS)):
            state = STEPS.at(n)
            slide = re.sub(r"\\only<([^>]*)>\{([^{}]*)\}", lambda m, k=n + 1: m[2] if k in on(m[1]) else "", line)
            data, grad = re.findall(r"\{((?:data|grad) [^{}]*)\}", slide)
            got = state.grad(node)
            shown = [short(x) if x is not None else "--" for x in (node.data if state.known(node) else None, got)]
            assert [data, grad] == [
                f"{word} {x}".replace(" -", " $-$") if x != "--" else f"{word} --"
                for word, x in zip(("data", "grad"), shown, strict=True)
            ]
    uses = sum(isinstance(step, Backward) for step in STEPS)
    assert text.count("\\node[local]") == uses
    assert len(re.findall(r"draw=grad, line width=2pt\]", text)) == uses
    assert len([line for line in text.splitlines() if "\\draw[arrow]" in line]) == uses
    assert tikz(STEPS, [3]).count("\\only") == 0


def test_files_are_numbered_as_the_sentences_are(tmp_path):
    paths = frames(STEPS, tmp_path / "new" / "folder", steps=range(0, len(STEPS), 10))
    assert [path.name for path in paths] == [f"step-{n + 1:02}.svg" for n in range(0, len(STEPS), 10)]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == [path.name for path in paths]
    for path, n in zip(paths, range(0, len(STEPS), 10), strict=True):
        assert path.read_text(encoding="utf-8") == PICTURES[n]
        assert f" {n + 1}/{len(STEPS)}:" in path.read_text(encoding="utf-8").replace("&#160;", " ")


def test_pictures_open_and_have_one_size(tmp_path):
    chosen = [0, 5, STEPS.seed, len(STEPS) - 1]
    sizes = set()
    for path in frames(STEPS, tmp_path, "png", chosen):
        with Image.open(path) as picture:
            picture.load()
            sizes.add((picture.format, picture.size))
    ((format, size),) = sizes
    assert format == "PNG"
    with Image.open(gif(STEPS, tmp_path / "steps.gif", 0.5, chosen)) as moving:
        assert (moving.format, moving.size, moving.n_frames) == ("GIF", size, len(chosen))
        for k in range(len(chosen)):
            moving.seek(k)
            assert moving.info["duration"] == 500
        assert moving.info["loop"] == 0


def test_a_filmstrip_holds_every_frame(tmp_path):
    text = filmstrip(STEPS, tmp_path / "strip.svg", [0, STEPS.seed, 20]).read_text(encoding="utf-8")
    root = ET.fromstring(text)
    inner = root.findall(f"{SVG}svg")
    assert len(inner) == 3
    tops, height = [float(svg.get("y")) for svg in inner], float(inner[0].get("height"))
    assert all(b - a > height for a, b in itertools.pairwise(tops))
    assert float(root.get("viewBox").split()[3]) == pytest.approx(tops[-1] + height, abs=0.01)
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) > 3 * len(STEPS.nodes)
    for svg, n in zip(inner, [0, STEPS.seed, 20], strict=True):
        assert texts(svg) == texts(ET.fromstring(PICTURES[n]))


def test_nothing_half_written(tmp_path, monkeypatch):
    steps = trace(Value(2.0, "a") * 3)
    (tmp_path / "file").write_text("there before", encoding="utf-8")
    for write in (
        lambda: frames(steps, tmp_path / "file" / "folder"),
        lambda: frames(steps, tmp_path / "file"),
        lambda: gif(steps, tmp_path / "missing" / "a.gif"),
        lambda: filmstrip(steps, tmp_path / "missing" / "a.svg"),
    ):
        with pytest.raises(OSError, match="cannot write there"):
            write()
    with pytest.raises(ValueError, match=r"expected a name ending in \.gif, such as a\.gif"):
        gif(steps, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"expected a name ending in \.svg, such as a\.svg"):
        filmstrip(steps, tmp_path / "a")
    (tmp_path / "step-1.svg").write_text("the picture before", encoding="utf-8")
    drawn, whole = [], Graph.content

    def dies(self, path):
        drawn.append(path)
        if len(drawn) % 3 == 0:
            raise OSError(28, "no space left")
        return whole(self, path)

    monkeypatch.setattr(Graph, "content", dies)
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(OSError, match="no space left"):
            frames(steps, folder)
    assert (tmp_path / "step-1.svg").read_text(encoding="utf-8") == "the picture before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "step-1.svg"]


def test_steps_that_are_too_many_too_few_or_not_there(tmp_path):
    y = Value(1.0, "x")
    for _ in range(MOST_FRAMES):
        y = y + 1.0
    long = trace(y)
    for show in (
        lambda: frames(long, tmp_path / "frames"),
        lambda: gif(long, tmp_path / "a.gif"),
        lambda: filmstrip(long, tmp_path / "a.svg"),
        lambda: tikz(long),
    ):
        with pytest.raises(
            ValueError, match=r"402 steps are too many.* steps=range\(0, 402, 3\).*breakpoint\('final'\)"
        ):
            show()
    assert list(tmp_path.iterdir()) == []
    short_trace = trace(Value(2.0, "a") * 3)
    stops = short_trace.breakpoint("final")
    chosen = [n for n, step in enumerate(short_trace) if stops(step)]
    assert [path.name for path in frames(short_trace, tmp_path, steps=chosen)] == ["step-4.svg"]
    for n in (-1, 4):
        with pytest.raises(IndexError, match=f"there is no step {n}: steps are numbered 0 to 3"):
            frame(short_trace, n)
    with pytest.raises(ValueError, match="no steps"):
        frames(short_trace, tmp_path, steps=[])
    for seconds in (0, -1, float("nan"), 1e6):
        with pytest.raises(ValueError, match="seconds"):
            gif(short_trace, tmp_path / "a.gif", seconds)


def test_too_many_values_are_refused_at_once():
    y = Value(1.0, "x")
    for _ in range(1000):
        y = y + 1.0
    with pytest.raises(ValueError, match=r"too large to draw: 1,001 values, and the limit is 1,000"):
        frame(trace(y), 0)


def test_numbers_that_are_not_finite_are_drawn():
    a = Value(float("inf"), "a")
    steps = trace(a - a)
    assert isinstance(steps[0], Forward)
    assert len({str(places(frame(steps, n).pipe("svg"))) for n in range(len(steps))}) == 1


def test_a_scale_multiplies_width_and_height(tmp_path):
    def size(svg):
        return [float(x) for x in re.findall(r'(?:width|height)="([\d.]+)pt"', svg)[:2]]

    usual = size(PICTURES[0])
    (path,) = frames(STEPS, tmp_path, steps=[0], scale=2.0)
    assert size(path.read_text(encoding="utf-8")) == pytest.approx([2 * x for x in usual], abs=2)
    strip = filmstrip(STEPS, tmp_path / "strip.svg", [0, 1])
    large = filmstrip(STEPS, tmp_path / "large.svg", [0, 1], scale=3.0)
    sizes = [size(path.read_text(encoding="utf-8")) for path in (strip, large)]
    assert sizes[1] == pytest.approx([3 * x for x in sizes[0]], abs=6)
    pixels = []
    for k, scale in enumerate((1.0, 2.0)):
        (path,) = frames(STEPS, tmp_path / str(k), "png", [0], scale)
        moving = gif(STEPS, tmp_path / f"{k}.gif", steps=[0], scale=scale)
        with Image.open(path) as picture, Image.open(moving) as moving:
            assert picture.size == moving.size
            pixels.append(picture.size)
    assert pixels[1] == pytest.approx([2 * x for x in pixels[0]], abs=2)
    for scale in (0, -1, float("nan"), 1e9):
        with pytest.raises(ValueError, match=r"the scale is a number from 0\.1 to 10"):
            frames(STEPS, tmp_path / "none", steps=[0], scale=scale)
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match=r"pixels in 200 steps are too many for a GIF, the limit is 500,000,000"):
        gif(STEPS, tmp_path / "a.gif", steps=[0] * 200, scale=3.0)
