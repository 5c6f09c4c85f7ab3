"""`read_csv`: pandas and the csv module give one table, what is written is read, bad files are told in a sentence."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import threading
import warnings

import pytest

pytest.importorskip("pandas", reason="tables are compared with those of pandas")
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.data import Table, read_csv, reading

REALS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20).map(float)
STYLES = st.tuples(st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
CELLS = st.sampled_from(
    [
        "",
        " ",
        "NA",
        "?",
        "nan",
        "-nan",
        "NaN ",
        "1",
        "007",
        "-2.5",
        "+3",
        ".5",
        "5.",
        "1e400",
        "1e-400",
        "1E5",
        "0x10",
        "1_0",
    ]
    + [
        "inf",
        "-Infinity",
        "True",
        "FALSE",
        "true",
        "a",
        "A b",
        " a",
        "a ",
        "1 2",
        "1,5",
        "1.5",
        "é",
        "٣",
        '"',
        "a\nb",
        "None",
    ]
    + [
        "1.7976931348623159e308",
        "0.1",
        "4.35",
        "123456789012345678901",
        "1e",
        "e1",
        "-",
        "--1",
        "1.2.3",
        "'1'",
        "\ufeff",
        "\xa01",
    ]
)


def written(rows, delimiter=",", end="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue()


def layout(path):
    place = reading._place(str(path))
    return reading._layout(place, reading._encoding(place))


@st.composite
def files(draw):
    """A file, and the table in it."""
    delimiter = draw(st.sampled_from(",\t;|"))
    n = draw(st.integers(1, 6))
    words = st.text(st.sampled_from(f"xyzé'\"\n {delimiter}"), max_size=6).map(str.strip)
    names = words.map(lambda word: f"a{word}b")
    columns = {
        name: draw(st.lists(draw(st.sampled_from([REALS | st.just(math.nan), words])), min_size=n, max_size=n))
        for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))
    }
    cells = [["" if c != c else str(c) for c in column] for column in columns.values()]
    text = written([[*columns], *zip(*cells, strict=True)], delimiter, *draw(STYLES))
    kept = [i for i in range(n) if len(columns) == 1 or any(column[i] for column in cells)]
    known = {name: [column[i] for i in kept] for name, column in columns.items()}
    return text, {name: [math.nan] * len(c) if not any(c) and "" in c else c for name, c in known.items()}


@given(files(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_is_written_is_read(tmp_path_factory, file, encoding):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    text, columns = file
    path.write_text(text, encoding=encoding, newline="")
    if not len(next(iter(columns.values()))):
        with pytest.raises(ValueError, match="no rows below"):
            read_csv(path)
        return
    assert read_csv(path) == Table(columns)
    by_pandas = reading.by_pandas(layout(path))
    assert by_pandas is None or Table(by_pandas) == Table(columns)


@given(st.data())
def test_pandas_and_the_csv_module_give_one_table(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    width = data.draw(st.integers(1, 4))
    kinds = [data.draw(st.lists(CELLS, min_size=1, max_size=4)) for _ in range(width)]
    rows = data.draw(st.lists(st.tuples(*map(st.sampled_from, kinds)), min_size=1, max_size=8))
    text = written([[f"c{k}" for k in range(width)], *rows], data.draw(st.sampled_from(",;\t")),
                   data.draw(st.sampled_from(["\n", "\r\n", "\r"])), data.draw(st.sampled_from([0, 1])))  # fmt: skip
    path.write_text(text + data.draw(st.sampled_from(["", "\n", "\r\n\r\n", " \n", '"'])), encoding="utf-8", newline="")
    try:
        by_csv = Table(reading.by_csv(layout(path)))
    except ValueError:
        return  # told below
    by_pandas = reading.by_pandas(layout(path))
    assert by_pandas is None or Table(by_pandas) == by_csv


@given(st.text(st.sampled_from('a1,;"\n\r\t .'), max_size=30))
def test_any_text_is_read_alike_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("a,b\n1,2\n" + text, encoding="utf-8", newline="")
    try:
        by_csv = Table(reading.by_csv(layout(path)))
    except ValueError as error:
        told = str(error)
    else:
        told = ""
    if told:
        assert str(path) in told
        return
    by_pandas = reading.by_pandas(layout(path))
    assert by_pandas is None or Table(by_pandas) == by_csv


def test_pandas_reads_what_is_plain(tmp_path):
    path = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        path.write_text("a;b;c\n1,5;é;x\n?;;y\n" * 1, encoding=encoding)
        assert Table(reading.by_pandas(layout(path))) == Table({"a": [1.5, None], "b": ["é", ""], "c": ["x", "y"]})


def test_a_large_file_is_read_by_pandas(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 100, encoding="utf-8")
    used = []
    monkeypatch.setattr(reading, "by_pandas", lambda layout: used.append(layout))
    assert read_csv(path) == Table({"a": [1.0] * 100, "b": [2.0] * 100})
    assert not used
    monkeypatch.setattr(reading, "PANDAS_FROM", 100)
    assert len(read_csv(path)) == 100
    assert len(used) == 1
    monkeypatch.setattr(reading, "find_spec", lambda name: None)
    assert len(read_csv(path)) == 100
    assert len(used) == 1


READ = {
    "a,b\r\n1,2\r\n\r\n\r\n": {"a": [1.0], "b": [2.0]},
    "sep=;\r\na;b\r\n1;2": {"a": [1.0], "b": [2.0]},
    "a\tb\n1\t2": {"a": [1.0], "b": [2.0]},
    "a;b\n1,5;x\n-,25;y\n": {"a": [1.5, -0.25], "b": ["x", "y"]},
    "a;b\n1.5;x, y\n": {"a": [1.5], "b": ["x, y"]},
    'a, "b c"\n1, "x, ""y"""\n': {"a": [1.0], "b c": ['x, "y"']},
    'a,b\n1,"x\ny"\n': {"a": [1.0], "b": ["x\ny"]},
    "a,b\nTrue,TRUE\nFalse,\n": {"a": [1.0, 0.0], "b": [1.0, None]},
    "a,b\n1,2\n,\n3,4\n,\n": {"a": [1.0, 3.0], "b": [2.0, 4.0]},
    "country,2007,2008\nPeru,1,2\nChad,3,4\n": {"country": ["Peru", "Chad"], "2007": [1.0, 3.0], "2008": [2.0, 4.0]},
    "a,b\n1,NA\n,x\nn/a,y\n": {"a": [1.0, None, None], "b": ["", "x", "y"]},
    "a,b\n1,\n2,\n": {"a": [1.0, 2.0], "b": [math.nan, math.nan]},
    "a\n1\n\n2\n": {"a": [1.0, 2.0]},
    "a,b\ninf,1_000\n1,x\n": {"a": [math.inf, 1.0], "b": ["1_000", "x"]},
    "a;b\n1.234,5;x\n": None,
    "b,zip\n" + "x,1\n" * 20_000 + "y,2b\n": {"b": ["x"] * 20_000 + ["y"], "zip": ["1"] * 20_000 + ["2b"]},
    "a,b\n1_000,x\n2,y\n": {"a": ["1_000", "2"], "b": ["x", "y"]},
    "a,b\n1_000,٣\n": {"a": ["1_000"], "b": ["٣"]},
    'a,b\n\ufeff"x",1\n': {"a": ['\ufeff"x"'], "b": [1.0]},
}


@pytest.mark.parametrize("text", READ)
def test_read(text, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    if READ[text] is None:
        assert read_csv(path)["a"] == ["1.234,5"]  # told where it is used
    else:
        assert read_csv(path) == Table(READ[text])
        monkeypatch.setattr(reading, "PANDAS_FROM", 0)
        assert read_csv(path) == Table(READ[text])


EMPTY = "t.csv is empty: a row with names of columns is needed, and rows below it"
BAD = {
    b"": EMPTY,
    b"\xef\xbb\xbf\r\n": EMPTY,
    b",,\n": EMPTY,
    b"a,b\n": "t.csv has the names of 2 columns, and no rows below them",
    b"a,b\n,\n": "t.csv has the names of 2 columns, and no rows below them",
    b"5.1,3.5,0.2\n4.9,3,0.2\n": "t.csv has no names of columns: its first row is 5.1, 3.5, 0.2: write names above it",
    b"5,3,setosa\n4,3,setosa\n": "t.csv has no names of columns: its first row is 5, 3, setosa: write names above it",
    b"5,3\n4,3\n": "t.csv has no names of columns: its first row is 5, 3: write names above it",
    b"a,b,a\n1,2,3\n": "t.csv: columns 1 and 3 are both called 'a': give each its own name",
    b",b\n0,2\n": "t.csv: column 1 has no name: write one in the first row, or leave the column out",
    b"a,b\n1,2\n\n1,2,3\n": "t.csv: row 2 has 3 cells, and the header has 2: 1, 2, 3",
    b"a,b\n1,2,3\n4,5,6\n": "t.csv: row 1 has 3 cells, and the header has 2: 1, 2, 3",
    b"a,b\n1,2\n1\n": "t.csv: row 2 has 1 cell, and the header has 2: 1",
    b'a,b\n1,"x\n2,y\n': "t.csv: a quote in row 1 is not closed",
    b'"a,b\n1,2\n': "t.csv: a quote in the first row is not closed",
    b"a,b\n1,\x00\n": "t.csv is not text: line 2 has the byte 0x00",
    b"\x89PNG\r\n\x1a\n\x00": "t.csv is not text: line 3 has the byte 0x00",
    b"a,b\n1,\x81\n": "t.csv is not text in UTF-8: line 2 has the byte 0x81",
    b"\xff\xfea\x00,": "t.csv is not text in UTF-16",
    b"PK\x03\x04...": "t.csv is an Excel sheet or a zip file: save the sheet as CSV",
    b"\x1f\x8b...": "t.csv is compressed: unpack it first",
    b"PAR1...": "t.csv is a Parquet file: write it as CSV",
    b"a;b\n1,5;1.5\n": "t.csv has 1.5 and 1,5: is the decimal sign a point or a comma? use one of them",
    b"a;b\n1,234;2\n": "t.csv has 1,234, which may be 1.234 or 1234: use a point, or no comma",
    b"a,b\n1,2\n" + b'3,"' + b"x" * 200_000 + b'"\n': "t.csv: a cell in row 2 is longer than 131,072 characters: "
    "is a quote left open?",
    b"a,b\n" + b"1,2\n" * 20_000 + b'3,"4\n': "t.csv: a quote in row 20001 is not closed",
    b"a,b\n" + b"1,2\n" * 20_000 + b"3\n": "t.csv: row 20001 has 1 cell, and the header has 2: 3",
    b"a,b\n" + b"1,2\n" * 300_000 + b"3,\x81\n": "t.csv is not text in UTF-8: line 300002 has the byte 0x81",
}


@pytest.mark.parametrize("from_bytes", [0, 1 << 30])
@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_a_bad_file_is_told_in_a_sentence(content, from_bytes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "PANDAS_FROM", from_bytes)
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(BAD[content])}$"):
        read_csv("t.csv")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder: a CSV file is needed$"):
        read_csv(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_csv(tmp_path / "none.csv")


def test_latin_1_and_a_pipe_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("name,x\nZoë,1\n".encode("latin-1"))
    assert read_csv(path)["name"] == ["Zoë"]
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[b"a,b\n1,2\n"])
    writer.start()
    assert read_csv(tmp_path / "pipe") == Table({"a": [1.0], "b": [2.0]})
    writer.join()


def test_ten_million_rows_need_memory(tmp_path, monkeypatch):
    """The size of the file is made up; the numbers of rows and bytes follow from its beginning."""
    monkeypatch.chdir(tmp_path)
    line = "1.25,2.25,3.25,4.25,abc\n"
    (tmp_path / "t.csv").write_text("p,q,r,s,t\n" + line * 20_000, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_csv("t.csv")
    monkeypatch.setattr(reading._Place, "size", lambda place: 10_000_000 * len(line))
    monkeypatch.setattr(reading, "TELL_FROM", 1 << 29)
    with pytest.warns(UserWarning, match=r"^t\.csv: some 10,000,000 rows of 5 columns need 1\.2 GB of memory$"):
        read_csv("t.csv")
    monkeypatch.setattr(reading, "available_memory", lambda: 5e8)
    with pytest.raises(ValueError, match=r"need 1\.2 GB of memory, and 0\.5 GB are free: leave out rows or columns$"):
        read_csv("t.csv")
    monkeypatch.setattr(reading, "available_memory", lambda: None)
    with pytest.warns(UserWarning, match="rows of 5 columns"):
        read_csv("t.csv")


def test_the_free_memory_is_known_here():
    free = reading.available_memory()
    assert free is None or 1e6 < free < 1e15


def test_an_open_file_is_read_as_its_path_is(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("größe;art\n1,5;x\n2,5;y\n", encoding="utf-8-sig")
    with path.open("rb") as file:
        assert read_csv(file) == read_csv(path)
    with path.open(encoding="utf-8") as file, pytest.raises(TypeError, match="open the file as bytes"):
        read_csv(file)
    with pytest.raises(ValueError, match=r"^the file is empty"):
        read_csv(io.BytesIO(b""))
