"""Files of arrays: they come back to the bit, stay whole at any failure, and nothing else is taken for one."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import pickle
import random
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograd_tiny.engine import files as engine_files
from autograd_tiny.train.keeping.files import digest, read_arrays, write_arrays
from autograd_tiny.train.keeping.formats import FORMAT, FORMATS

pytest.importorskip("safetensors", reason="files of safetensors need safetensors")

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(lambda x: x != "__metadata__")
FLOATS = st.floats(allow_nan=False, allow_infinity=False)  # with -0.0 and subnormals
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ARRAYS = hnp.arrays(np.float64, SHAPES, elements=FLOATS) | hnp.arrays(np.int64, SHAPES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
AN_ARRAY = {
    "layers[0].weight": np.array([[1.5, -0.0, 5e-324], [1 / 3, -1e308, 2.0]]),
    "n": np.arange(3),
    "b": np.array(0.1),
}
META = {"epoch": 3, "history": [{"loss": 0.25}], "text": "é\n", "ok": True, "none": None}


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"a{request.param}"


def same(found, expected):
    (arrays, meta), (others, more) = found, expected
    assert arrays.keys() == others.keys()
    for name, x in arrays.items():
        assert (x.dtype, x.shape, x.tobytes()) == (others[name].dtype, others[name].shape, others[name].tobytes())
        assert x.flags.writeable
    assert json.dumps(meta) == json.dumps(more)


@pytest.mark.parametrize("suffix", FORMATS)
@given(st.dictionaries(NAMES, ARRAYS, max_size=3), JSON)
def test_arrays_and_metadata_come_back_to_the_bit(suffix, tmp_path_factory, arrays, meta):
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    assert write_arrays(path, arrays, meta) == path
    same(read_arrays(path), (arrays, meta))


def test_one_content_is_one_file(path):
    written = {write_arrays(path, AN_ARRAY, META).read_bytes() for _ in range(5)}
    assert len(written) == 1


def test_the_order_in_memory_is_no_matter(path):
    x = np.arange(12.0).reshape(3, 4)
    given = {"f": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=1)[:, ::2], "swapped": x.astype(">f8")}
    given["read-only"] = x[1:]
    given["read-only"].flags.writeable = False
    write_arrays(path, given, None)
    arrays, _ = read_arrays(path)
    for name in ("f", "strided", "swapped"):
        same(({name: arrays[name]}, 0), ({name: x}, 0))
    same(({"x": arrays["read-only"]}, 0), ({"x": x[1:].copy()}, 0))
    assert digest(x) == digest(given["f"]) == digest(given["strided"]) == digest(given["swapped"])


def test_metadata_of_numpy_and_tuples_become_those_of_json(path):
    write_arrays(path, {}, {"a": np.int64(3), "b": np.float64(0.5), "c": (1, np.True_)})
    assert read_arrays(path)[1] == {"a": 3, "b": 0.5, "c": [1, True]}


@given(ARRAYS, ARRAYS)
def test_a_digest_tells_arrays_apart(x, y):
    equal = (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
    assert (digest(x) == digest(y)) == equal
    assert digest(x) == digest(x.copy(order="F"))
    assert digest(x, y) != digest(x)


def test_digests_know_every_dtype_but_objects():
    seen = [np.zeros(2, kind) for kind in ("f4", "i4", "?", "U3", "M8[s]", "c16")]
    assert len({digest(x) for x in seen}) == len(seen)
    with pytest.raises(TypeError, match="arrays of numbers or of text, got one of dtype object"):
        digest(np.array([None]))


NOT_WRITTEN = {
    "nan": ({"w": np.array([[0.0, 1.0], [math.nan, math.inf]])}, {}, r"w\[1\]\[0\] is nan, and 1 number more is"),
    "inf": ({"b": np.array(-math.inf)}, {}, "b is -inf$"),
    "float32": ({"w": np.zeros(2, np.float32)}, {}, "w has dtype float32, expected float64 or int64"),
    "objects": ({"w": np.array([None])}, {}, "w has dtype object, expected float64 or int64"),
    "number": ({3: np.zeros(2)}, {}, "an array has a name, got 3 of type int"),
    "empty": ({"": np.zeros(2)}, {}, "'' is not a name of an array"),
    "reserved": ({"__metadata__": np.zeros(2)}, {}, "'__metadata__' is not a name of an array"),
    "surrogate": ({"\ud800": np.zeros(2)}, {}, "is not a name of an array"),
    "nan in metadata": ({}, {"history": [{"loss": math.nan}]}, r"the metadata\['history'\]\[0\]\['loss'\] is nan, the"),
    "a key": ({}, {"a": {3: 4}}, r"the metadata\['a'\] has the key 3, the keys of JSON are text"),
    "a set": ({}, {"a": {4}}, r"the metadata\['a'\] is \{4\} of type set, expected what JSON knows"),
    "a cycle": ({}, (lambda x: x.append(x) or x)([]), "nested too deeply, or inside themselves"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_WRITTEN)
def test_what_cannot_come_back_is_refused_before_anything_is_written(name, path):
    arrays, meta, told = NOT_WRITTEN[name]
    path.write_bytes(b"before")
    with pytest.raises((ValueError, TypeError), match=told) as caught:
        write_arrays(path, arrays, meta)
    assert str(caught.value).startswith(f"{path} cannot be written: ")
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.pt", ".json"])
def test_another_suffix_names_the_two(name, tmp_path):
    for f in (read_arrays, lambda path: write_arrays(path, {}, {})):
        with pytest.raises(ValueError, match=rf"{name} has (the|no) suffix.*, expected \.safetensors or \.json"):
            f(tmp_path / name)
    assert not os.listdir(tmp_path)


def test_suffixes_are_those_of_any_case_and_links_are_followed(tmp_path):
    write_arrays(tmp_path / "A.JSON", AN_ARRAY, META)
    (tmp_path / "link.json").symlink_to("A.JSON")
    write_arrays(tmp_path / "link.json", AN_ARRAY, 1)
    assert (tmp_path / "link.json").is_symlink()
    assert read_arrays(os.fspath(tmp_path / "A.JSON"))[1] == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("at", ["open", "fsync", "replace"])
def test_the_old_file_stays_whole_where_writing_fails(path, monkeypatch, at, code):
    write_arrays(path, AN_ARRAY, META)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    if at == "open":
        monkeypatch.setattr(engine_files, "open", fail, raising=False)
    elif at == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(type(path), "replace", fail)
    with pytest.raises(OSError, match=f"cannot write there: {os.strerror(code)}") as caught:
        write_arrays(path, {}, {})
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_device(path):
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="cannot write there: No space left on device"):
        write_arrays(path, AN_ARRAY, META)
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(ValueError, match=f"{path} cannot be read: it is not a regular file"):
        read_arrays(path)


@pytest.mark.skipif(os.name != "posix", reason="the limit of a file's size is that of POSIX")
def test_a_file_that_grows_too_large_midway(path):
    write_arrays(path, AN_ARRAY, META)
    code = f"""
import resource, signal, numpy as np
from autograd_tiny.train.keeping.files import write_arrays
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
try:
    write_arrays({str(path)!r}, {{"w": np.arange(5000.0)}}, None)
except OSError as error:
    print(error)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == f"[Errno {errno.EFBIG}] cannot write there: {os.strerror(errno.EFBIG)}: {str(path)!r}\n"
    assert os.listdir(path.parent) == [path.name]
    same(read_arrays(path), (AN_ARRAY, META))


def test_no_folder_and_a_folder(path):
    for there, kind in ((path / path.name, FileNotFoundError), (path, IsADirectoryError)):
        if kind is IsADirectoryError:
            path.mkdir()
        for f in (read_arrays, lambda path: write_arrays(path, {}, {})):
            with pytest.raises(kind, match=path.name):
                f(there)
    assert os.listdir(path.parent) == [path.name]
    assert not os.listdir(path)


def torch_zip():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"w": [1.0]}))
    return made.getvalue()


def tensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype="F64", shape=(1,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": [*shape], "data_offsets": [*offsets]}


def document(**changed):
    return json.dumps({"format": FORMAT, "version": 1, "digest": "", "meta": {}, "arrays": {}} | changed).encode()


def listed(**changed):
    return document(arrays={"w": {"dtype": "float64", "shape": [1], "data": [1.0]} | changed})


FOREIGN = {
    "empty": b"",
    "one byte": b"{",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "a pickle": pickle.dumps({"w": [1.0]}),
    "a zip of torch": torch_zip(),
    "text": b"hello, world, hello",
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "random": random.Random(0).randbytes(1000),
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
}
HOSTILE = {
    ".safetensors": {
        "a huge header": (b"\xff" * 7 + b"\x7f" + b"{}", "cut short within its header"),
        "of a gigabyte": (struct.pack("<Q", 1 << 30) + b"{}", "cut short within its header"),
        "a huge shape": (tensors({"w": entry(shape=(2**62, 4))}), "overflow"),
        "huge, but empty": (tensors({"w": entry(shape=(0, 2**63), offsets=(0, 0))}), "."),
        "negative": (tensors({"w": entry(shape=(-1,))}), "expected usize"),
        "overlapping": (tensors({"w": entry(), "v": entry()}, bytes(8)), "invalid offset"),
        "backwards": (tensors({"w": entry(offsets=(8, 0))}, bytes(8)), "invalid offset"),
        "past the end": (tensors({"w": entry()}, bytes(4)), "cut short"),
        "twice": (tensors(json.dumps({"v": 0, "w": 0}).encode().replace(b"v", b"w")), "'w' stands in it twice"),
        "100 axes": (tensors({"w": entry(shape=[1] * 100)}, bytes(8)), "dimension"),
        "BF16": (tensors({"w": entry("BF16", [4])}, bytes(8)), "expected dtype F64 or I64"),
        "no dtype": (tensors({"w": 3}), "expected dtype F64 or I64"),
        "nested": (tensors(b"[" * 100_000), "nested too deeply"),
        "NaN": (tensors(b'{"w": NaN}'), "it holds NaN, which is not a number of JSON"),
        "a list": (tensors([]), "its header is not an object"),
        "no metadata": (tensors({}), "its metadata name another format, or none"),
        "of torch": (tensors({"__metadata__": {"format": "pt"}, "w": entry()}, bytes(8)), "another format, or"),
        "more metadata": (tensors({"__metadata__": {FORMAT: "{}", "b": "c"}}), "instead of 'autograd_tiny model'"),
        "another format within": (tensors({"__metadata__": {FORMAT: '{"format": "x"}'}}), "it names the format 'x'"),
        "newer": (tensors({"__metadata__": {FORMAT: document(version=2).decode()}}), "version 2, this package reads 1"),
        "nested metadata": (tensors({"__metadata__": {FORMAT: "[" * 100_000}}), "nested too deeply"),
        "no digest": (tensors({"__metadata__": {FORMAT: f'{{"format": "{FORMAT}", "version": 1}}'}}), "its head holds"),
    },
    ".json": {
        "another format": (document(format="other"), "it names the format 'other'"),
        "no format": (b'{"a": 1}', "it names no format"),
        "a number": (b"3", "it names no format"),
        "null": (b"null", "it names no format"),
        "a list": (b'["format"]', "it names no format"),
        "newer": (document(version=7), "version 7, this package reads 1: install a newer autograd_tiny"),
        "older": (document(version=0), "version 0, this package reads 1: save it again"),
        "version": (document(version="x" * 500), "version 'xxx"),
        "one more": (document(more=1), "its head holds"),
        "digest": (document(), "it was damaged or changed after it was written"),
        "NaN": (listed(data=[math.nan]), "it holds NaN, which is not a number of JSON"),
        "Infinity": (document(meta=math.inf), "it holds Infinity, which is not a number of JSON"),
        "1e999": (document(meta=5).replace(b"5", b"1e999"), "the metadata is inf"),
        "1e999 in an array": (listed(data=[5.5]).replace(b"5.5", b"1e999"), r"w\[0\] is inf"),
        "nested": (b'{"a":' * 100_000, "nested too deeply"),
        "nested less": (document(meta=0).replace(b"0", b"[" * 900 + b"]" * 900), "."),
        "twice": (b'{"a": 1, "a": 2}', "'a' stands in it twice"),
        "digits": (b"1" * 10_000, "4300 digits"),
        "arrays": (document(arrays=[]), "its arrays are not an object"),
        "an array": (document(arrays={"w": []}), "'w' has no dtype, shape and data"),
        "dtype": (listed(dtype="object"), "'w' has dtype 'object', expected float64 or int64"),
        "dtype of a list": (listed(dtype=["float64"]), r"'w' has dtype \['float64'\]"),
        "huge shape": (listed(shape=[10**30]), "'w' has 1 number for the shape"),
        "huge, but empty": (listed(shape=[10**30, 0], data=[]), "."),
        "100 axes": (listed(shape=[1] * 100), "."),
        "negative": (listed(shape=[-1]), "expected a list of sizes"),
        "no list": (listed(shape=1), "expected a list of sizes"),
        "true": (listed(shape=[True]), "expected a list of sizes"),
        "text": (listed(data=["1.0"]), "not a list of numbers of float64"),
        "rows": (listed(data=[[1.0]]), "not a list of numbers of float64"),
        "floats for int64": (listed(dtype="int64"), "not a list of numbers of int64"),
        "beyond int64": (listed(dtype="int64", data=[2**63]), "a number outside of int64"),
        "name": (document(arrays={"": {"dtype": "float64", "shape": [1], "data": [1.0]}}), "not a name of an array"),
    },
}  # fmt: skip


def refused(path, content, told="."):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told) as caught:
        read_arrays(path)
    message = str(caught.value)
    assert type(caught.value) is ValueError
    assert message.startswith(f"{path} cannot be read: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 320


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_in_a_sentence(path, name):
    refused(path, FOREIGN[name])


@pytest.mark.parametrize(("suffix", "name"), [(suffix, name) for suffix in HOSTILE for name in HOSTILE[suffix]])
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, suffix, name):
    refused(tmp_path / f"a{suffix}", *HOSTILE[suffix][name])


LONG = ["\x1b[2J\n", "x" * 100_000, "\u202e" * 300]


@pytest.mark.parametrize("name", LONG)
def test_a_name_within_a_file_is_told_in_a_line(tmp_path, name):
    for content, told in (
        (tensors({name: entry("BF16")}), "expected dtype"),
        (tensors({name: entry(offsets=(1, 9))}, bytes(8)), "its header does not describe its"),
        (tensors({"__metadata__": {name: "x"}}), "another format"),
        (tensors({"__metadata__": {FORMAT: "{}", name: "x"}}), "its metadata hold"),
        (tensors({"__metadata__": {FORMAT: json.dumps({"format": name})}}), "it names the format"),
    ):
        refused(tmp_path / "a.safetensors", content, told)
    for content, told in (
        (document(arrays={name: 3}), "has no dtype"),
        (listed(dtype=name), "has dtype"),
        (
            document(arrays={name: {"dtype": "float64", "shape": [1], "data": [5.5]}}).replace(b"5.5", b"1e999"),
            "is inf",
        ),
        (document(meta={name: [{name: 5.5}]}).replace(b"5.5", b"1e999"), "is inf"),
        (document(**{name: 1}), "its head holds"),
        (
            document(a=0, b=0).replace(b'"a"', json.dumps(name).encode()).replace(b'"b"', json.dumps(name).encode()),
            "twice",
        ),
    ):
        refused(tmp_path / "a.json", content, told)


def test_many_names_of_which_one_stands_twice_are_read_at_once(tmp_path):
    names = b",".join(b'"%d":0' % i for i in range(100_000))
    start = time.monotonic()
    refused(tmp_path / "a.json", b"{" + names + b',"99999":0}', "'99999' stands in it twice")
    assert time.monotonic() - start < 5  # not the square of it


def test_without_the_library_json_is_left(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    write_arrays(tmp_path / "a.json", AN_ARRAY, META)
    (tmp_path / "a.safetensors").write_bytes(b"before")
    for f in (read_arrays, lambda path: write_arrays(path, {}, {})):
        with pytest.raises(ImportError, match=r"needs safetensors: pip install 'autograd-tiny\[train\]'"):
            f(tmp_path / "a.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == b"before"
    same(read_arrays(tmp_path / "a.json"), (AN_ARRAY, META))


def test_the_states_of_generators_come_back(path):
    ours, theirs = random.Random(3), np.random.default_rng(3)
    write_arrays(path, {}, {"ours": ours.getstate(), "theirs": theirs.bit_generator.state})
    meta, (version, state, gauss) = read_arrays(path)[1], read_arrays(path)[1]["ours"]
    found, other = random.Random(), np.random.default_rng()
    found.setstate((version, tuple(state), gauss))
    other.bit_generator.state = meta["theirs"]
    assert (found.random(), other.random()) == (ours.random(), theirs.random())


def test_the_other_format_is_refused(tmp_path):
    written = {suffix: write_arrays(tmp_path / f"a{suffix}", AN_ARRAY, META).read_bytes() for suffix in FORMATS}
    refused(tmp_path / "b.json", written[".safetensors"])
    refused(tmp_path / "b.safetensors", written[".json"])


def damaged(path, content, whole):
    """Read a file that was changed: the same arrays, or one sentence."""
    path.write_bytes(content)
    try:
        found = read_arrays(path)
    except ValueError as error:
        told = str(error)
    else:
        same(found, whole)
        return
    assert told.startswith(f"{path} cannot be read: ")


EVERY = pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.long)])


@EVERY
def test_no_cut_is_taken_for_a_whole_file(path, every):
    whole = write_arrays(path, AN_ARRAY, META).read_bytes()
    for n in range(0, len(whole), every):
        refused(path, whole[:n])


@EVERY
def test_a_changed_bit_is_no_matter_or_refused(path, every):
    whole = write_arrays(path, AN_ARRAY, META).read_bytes()
    for i in range(0, 8 * len(whole), every):
        damaged(path, whole[: i // 8] + bytes([whole[i // 8] ^ 1 << i % 8]) + whole[i // 8 + 1 :], (AN_ARRAY, META))


@pytest.mark.parametrize("suffix", FORMATS)
@given(st.data())
def test_bytes_put_in_the_place_of_others_are_no_matter_or_refused(suffix, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    whole = write_arrays(path, AN_ARRAY, META).read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    new = data.draw(st.binary(max_size=12) | st.sampled_from([b'"', b"[", b"{}", b"NaN", b"1e999", b"-", b"9" * 30]))
    damaged(path, whole[:start] + new + whole[end:], (AN_ARRAY, META))


@pytest.mark.parametrize("suffix", FORMATS)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(suffix, tmp_path_factory, content):
    refused(tmp_path_factory.getbasetemp() / f"random{suffix}", content)
    refused(tmp_path_factory.getbasetemp() / f"random{suffix}", tensors(content))
