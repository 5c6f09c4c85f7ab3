"""CSV files: `read_csv`, by pandas for a large file where it is installed, else by Python's csv module, to one result.

What pandas could read otherwise (a row too short, a missing value in the last column) is read by the csv module.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from autograd_tiny.data.tables import Column, Numbers, Table, listed
from autograd_tiny.engine.digits import counted

MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "?", "#N/A", "<NA>"]
)
NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)
DELIMITERS = ",;\t|"
PANDAS_FROM = 8 << 20  # bytes; a smaller file is read before pandas would be imported
TELL_FROM = 1 << 30  # bytes of memory
_SAMPLE = 1 << 16  # characters
_CHUNK = 1 << 12  # rows
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_POINT = re.compile(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_FORMATS = {
    b"PK\x03\x04": "an Excel sheet or a zip file: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel sheet: save it as CSV",
    b"\x1f\x8b": "compressed: unpack it first",
    b"PAR1": "a Parquet file: write it as CSV",
}
_NEEDED = "a row with names of columns is needed, and rows below it"
_END = "\0end"  # as a line, tells whether a quote is open


class _Place(NamedTuple):
    """A file, or the content of a pipe or of an open file."""

    path: str
    content: bytes | None

    def binary(self) -> Any:
        return open(self.path, "rb") if self.content is None else io.BytesIO(self.content)

    @contextmanager
    def text(self, encoding: str) -> Iterator[io.TextIOWrapper]:
        """Open the text, past a first line that is only for Excel: `sep=;`."""
        with io.TextIOWrapper(self.binary(), encoding, newline="") as file:
            if not re.fullmatch(r"sep=.\r?\n", file.readline(7)):
                file.seek(0)
            yield file

    def size(self) -> int:
        return os.stat(self.path).st_size if self.content is None else len(self.content)


@dataclass(frozen=True)
class _Layout:
    """The form of a file, seen in its beginning."""

    place: _Place
    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    numeric: tuple[bool, ...]


def read_csv(path: str | os.PathLike[str] | IO[bytes]) -> Table:
    r"""Read a CSV file with the names of its columns in the first row; it is a path, or a file opened as bytes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("size;kind;tame\n1,5;cat;True\n?;dog;False\n", encoding="utf-8")
    ...     table = read_csv(Path(folder, "a.csv"))
    >>> table.columns
    {'size': array([1.5, nan]), 'kind': ['cat', 'dog'], 'tame': array([1., 0.])}

    Cells are separated by commas, semicolons, tabs or bars; beside semicolons, tabs and bars, 1,5 is a number. A column
    of True and False is 1 and 0. Missing are empty cells, NA, NaN, null, None, ? and their like. Text is UTF-8, UTF-16
    with a mark, or else Windows-1252. Empty rows are left out, and not counted. Above 1 GiB, a warning says how much
    memory the table needs. Raises ValueError, with the path and the row, for a file that is not such a table or needs
    more memory than there is, OSError for one that cannot be read.
    """
    place = _place(path)
    layout = _layout(place, _encoding(place))
    columns = None
    if place.size() >= PANDAS_FROM and find_spec("pandas") is not None:
        columns = by_pandas(layout)
    return Table(by_csv(layout) if columns is None else columns)


def by_csv(layout: _Layout) -> dict[str, Column]:
    """Read the columns by Python's csv module, a few thousand rows at a time."""
    texts = {k for k, numeric in enumerate(layout.numeric) if not numeric}
    while True:
        numbers: list[list[Numbers]] = [[] for _ in layout.names]
        cells: list[list[str]] = [[] for _ in layout.names]
        known: dict[str, str] = {}
        turned: set[int] = set()
        for chunk in _chunks(layout):
            for k, column in enumerate(zip(*chunk, strict=True)):
                if k in texts:
                    cells[k] += [known.setdefault(cell, cell) for cell in map(_cell, column)]
                elif (found := _numbers(column, layout.decimal)) is not None:
                    numbers[k].append(found)
                else:
                    turned.add(k)  # not all numbers after all: read again, as it is spelled
            if turned:
                break
        if not turned:
            return {
                name: _text(cells[k]) if k in texts else np.concatenate(numbers[k])
                for k, name in enumerate(layout.names)
            }
        texts |= turned


def by_pandas(layout: _Layout) -> dict[str, Column] | None:
    """Read the columns by pandas; None if the csv module has to decide."""
    if len(layout.names) == 1:
        return None  # pandas leaves out what may be a missing value
    import pandas

    old = tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1)
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}  # as it is now anyway
    width = len(layout.names)
    numeric = [k for k in range(width) if layout.numeric[k]]
    with layout.place.text(layout.encoding) as file:
        lines: Iterator[str] = iter(file.readline, "")
        header = next(_kept(csv.reader(lines, delimiter=layout.delimiter, skipinitialspace=True)))
        below = file.tell()
        if file.read(1) == "\ufeff":
            return None  # pandas takes it for the mark of an encoding
        file.seek(below)
        try:
            frame = pandas.read_csv(
                file, sep=layout.delimiter, decimal=layout.decimal, header=None, names=range(width), low_memory=False,
                dtype={k: np.float64 if layout.numeric[k] else object for k in range(width)}, skipinitialspace=True,
                na_values={k: [*MISSING] for k in numeric}, keep_default_na=False, **exact,
            )  # fmt: skip
        except (ValueError, OverflowError):  # pandas' own errors are ValueErrors
            return None
    if len(header) != width or not isinstance(frame.index, pandas.RangeIndex) or frame.shape[1] != width:
        return None
    if layout.numeric[-1]:
        if frame[width - 1].isna().any():
            return None
    elif not all(map(_cell, frame[width - 1])):
        return None
    columns: dict[str, Column] = {}
    for k, name in enumerate(layout.names):
        if layout.numeric[k]:
            columns[name] = frame[k].to_numpy(np.float64)
        else:
            known: dict[str, str] = {}
            columns[name] = _text([known.setdefault(cell, cell) for cell in map(_cell, frame[k])])
    return columns


def _place(source: Any) -> _Place:
    if hasattr(source, "read"):
        name, content = getattr(source, "name", None), source.read()
        if isinstance(content, str):
            raise TypeError("read_csv finds the encoding itself: open the file as bytes, with mode 'rb'")
        name = "standard input" if name == "<stdin>" else name if isinstance(name, str) else "the file"
        return _Place(name, content)
    path = os.fspath(source)
    there = os.stat(path)
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(f"{path} is a folder: a CSV file is needed")
    return _Place(path, None if stat.S_ISREG(there.st_mode) else Path(path).read_bytes())


def _encoding(place: _Place) -> str:
    """Return the encoding of a file, all of which is looked at."""
    with place.binary() as file:
        start = file.read(1 << 20)
    if not start.strip(b"\r\n \t\xef\xbb\xbf"):
        raise ValueError(f"{place.path} is empty: {_NEEDED}")
    for magic, told in _FORMATS.items():
        if start.startswith(magic):
            raise ValueError(f"{place.path} is {told}")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if found := re.search(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]", start):
        line = start[: found.start()].count(b"\n") + 1
        raise ValueError(f"{place.path} is not text: line {line} has the byte 0x{found[0][0]:02x}")
    if not (wrong := _undecodable(place, "utf-8-sig")):
        return "utf-8-sig"
    if not _undecodable(place, "cp1252"):
        return "cp1252"
    raise ValueError(f"{place.path} is not text in UTF-8: {wrong}")


def _undecodable(place: _Place, encoding: str) -> str:
    """Name the line and the byte that are not text in this encoding; "" if all is."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with place.binary() as file:
        while True:
            chunk = file.read(1 << 20)
            try:
                if "\0" in decoder.decode(chunk, final=not chunk):
                    return f"line {line + chunk[: chunk.index(0)].count(10)} has the byte 0x00"
            except UnicodeDecodeError as error:  # error.object begins with what was left of the last chunk
                before, byte = error.object[: error.start], error.object[error.start]
                return f"line {line + before.count(10)} has the byte 0x{byte:02x}"
            if not chunk:
                return ""
            line += chunk.count(10)


def _layout(place: _Place, encoding: str) -> _Layout:
    """Find the separator, the decimal sign and the names in the beginning of a file, and see that it fits in memory."""
    path = place.path
    try:
        with place.text(encoding) as file:
            sample = file.read(_SAMPLE)
            whole = not file.read(1)
    except UnicodeError:
        raise ValueError(f"{path} is not text in {encoding.upper()}") from None
    if not sample.strip().strip(DELIMITERS + '"'):
        raise ValueError(f"{path} is empty: {_NEEDED}")
    delimiter = _delimiter(sample, whole)
    header, *rows = _some(sample, delimiter, whole, path)
    header = [name.strip() for name in header]
    body = [[cell.strip() for cell in row] for row in rows if len(row) == len(header)]
    columns = [*zip(*body, strict=True)] or [() for _ in header]
    decimal = _decimal(body, delimiter, path)
    _check_names(header, columns, decimal, path)
    if not rows:
        raise ValueError(f"{path} has the names of {counted(len(header), 'column')}, and no rows below them")
    numeric = tuple(_numbers(column, decimal) is not None for column in columns)
    _check_memory(place, len(sample.encode(encoding, "replace")), len(rows), columns, numeric, whole)
    return _Layout(place, encoding, delimiter, decimal, tuple(header), numeric)


def _some(sample: str, delimiter: str, whole: bool, path: str, most: int = _SAMPLE) -> list[list[str]]:
    """Split the beginning of a file into rows, at most so many; one that may be cut off is left out."""
    lines = chain(io.StringIO(sample, newline=""), [_END])
    rows: list[list[str]] = []
    try:
        rows.extend(islice(_kept(csv.reader(lines, delimiter=delimiter, skipinitialspace=True)), most))
    except csv.Error as error:
        raise _told(error, path, len(rows)) from None
    if not rows[-1][-1].endswith(_END):
        return rows
    if rows[-1] == [_END]:
        rows.pop()
        return rows if whole or len(rows) < 2 else rows[:-1]
    if whole or len(rows) < 2:
        where = f"row {len(rows) - 1}" if len(rows) > 1 else "the first row"
        raise ValueError(f"{path}: a quote in {where} is not closed")
    return rows[:-1]


def _delimiter(sample: str, whole: bool) -> str:
    """Choose the separator with the most columns among those with equally many in each row, else in the header."""
    best, chosen = (False, 1), ","
    for delimiter in DELIMITERS:
        try:
            rows = _some(sample, delimiter, whole, "", most=50)
        except ValueError:  # told if no other separator makes a table
            continue
        widths = {len(row) for row in rows}
        rank = (len(widths) == 1 and len(rows[0]) > 1, len(rows[0]))
        if rank > best:
            best, chosen = rank, delimiter
    return chosen


def _decimal(body: list[list[str]], delimiter: str, path: str) -> str:
    if delimiter == ",":
        return "."
    commas = [cell for row in body for cell in row if _COMMA.fullmatch(cell) or _THOUSANDS.fullmatch(cell)]
    point = next((cell for row in body for cell in row if _POINT.fullmatch(cell)), None)
    if not commas:
        return "."
    if point is not None:
        raise ValueError(f"{path} has {point} and {commas[0]}: is the decimal sign a point or a comma? use one of them")
    if all(map(_THOUSANDS.fullmatch, commas)):
        raise ValueError(
            f"{path} has {commas[0]}, which may be {commas[0].replace(',', '.', 1)} or {commas[0].replace(',', '')}: "
            "use a point, or no comma"
        )
    return ","


def _check_names(header: list[str], columns: list[tuple[str, ...]], decimal: str, path: str) -> None:
    """Raise ValueError for a first row that does not name the columns, each by a name of its own."""
    are_numbers = [any(map(str.isdigit, name)) and _numbers([name], decimal) is not None for name in header]
    recurs = any(name and name in column for name, column in zip(header, columns, strict=True))
    fraction = any(number and re.search(r"[.,]", name) for name, number in zip(header, are_numbers, strict=True))
    if all(number or not name for number, name in zip(are_numbers, header, strict=True)) or (
        any(are_numbers) and (recurs or fraction)
    ):
        raise ValueError(f"{path} has no names of columns: its first row is {listed(header, 4)}: write names above it")
    for k, name in enumerate(header):
        if not name:
            raise ValueError(f"{path}: column {k + 1} has no name: write one in the first row, or leave the column out")
    name, times = Counter(header).most_common(1)[0]
    if times > 1:
        first, second, *_ = (k + 1 for k, other in enumerate(header) if other == name)
        raise ValueError(f"{path}: columns {first} and {second} are both called {name!r}: give each its own name")


def _check_memory(
    place: _Place, size: int, n: int, columns: list[tuple[str, ...]], numeric: tuple[bool, ...], whole: bool
) -> None:
    """Estimate the memory of all rows by those of the sample; warn, or refuse what is more than there is."""
    if whole:
        return
    rows = round(place.size() / size * n)
    needed = 0.0
    for column, is_number in zip(columns, numeric, strict=True):
        if is_number:
            needed += 24 * rows  # as read, as an array, and in the table
        else:
            distinct = len(set(column))
            new = rows * distinct / len(column) if distinct > len(column) / 2 else distinct
            needed += 24 * rows + new * (60 + sum(map(len, column)) / len(column))
    free = available_memory()
    wide, about = counted(len(columns), "column"), float(f"{rows:.2g}")
    told = f"{place.path}: some {about:,.0f} rows of {wide} need {_bytes(needed)} of memory"
    if free is not None and needed > free:
        raise ValueError(f"{told}, and {_bytes(free)} are free: leave out rows or columns")
    if needed >= TELL_FROM:
        warnings.warn(told, stacklevel=4)


def available_memory() -> float | None:
    """Return the bytes of memory that are free for this process, None if the system does not say."""
    free, cgroup = [], Path("/sys/fs/cgroup")
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
        free = [int(found[1]) * 1024.0] if found else []
        limit, used = (float((cgroup / f"memory.{name}").read_text("ascii")) for name in ("max", "current"))
        free.append(limit - used)
    except (OSError, ValueError):  # another system, or no limit
        pass
    return min(free, default=None)


def _bytes(n: float) -> str:
    return f"{n / 1e9:.1f} GB" if n >= 1e8 else f"{n / 1e6:.1f} MB"


def _chunks(layout: _Layout) -> Iterator[list[list[str]]]:
    """Yield the rows below the header; raises ValueError for one of another length and for an open quote."""
    path, width = layout.place.path, len(layout.names)
    n, wrong = 0, None
    with layout.place.text(layout.encoding) as file:
        reader = csv.reader(chain(file, [_END]), delimiter=layout.delimiter, skipinitialspace=True)
        next(_kept(reader))
        while wrong is None:
            rows: list[list[str]] = []
            try:
                rows.extend(islice(reader, _CHUNK))
            except csv.Error as error:
                wrong = error
            if not rows:
                break
            if not _is_plain(rows, width):
                rows = [row for row in rows if not _is_empty(row, width) and row != [_END]]
                for i, row in enumerate(rows):
                    if row[-1].endswith(_END):
                        raise ValueError(f"{path}: a quote in row {n + i + 1} is not closed")
                    if len(row) != width:
                        raise ValueError(
                            f"{path}: row {n + i + 1} has {counted(len(row), 'cell')}, and the header has {width}: "
                            f"{listed(row, 4)}"
                        )
            n += len(rows)
            if rows:
                yield rows
    if wrong is not None:
        raise _told(wrong, path, n + 1)


def _is_plain(rows: list[list[str]], width: int) -> bool:
    """Return True if each row has its cells, something in the first of them, and no open quote at its end."""
    firsts = [*map(itemgetter(0), filter(None, rows))]
    return (
        {*map(len, rows)} == {width}
        and all(firsts)
        and not any(map(str.isspace, firsts))
        and not rows[-1][-1].endswith(_END)
    )


def _told(error: csv.Error, path: str, row: int) -> ValueError:
    if "limit" in str(error):
        longest = f"{csv.field_size_limit():,} characters"
        return ValueError(f"{path}: a cell in row {row} is longer than {longest}: is a quote left open?")
    return ValueError(f"{path}: row {row}: {error}")


def _kept(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Leave out rows without anything in them; the first one that is left has the width of all."""
    width = 0
    for row in rows:
        if not _is_empty(row, width):
            width = width or len(row)
            yield row


def _is_empty(row: list[str], width: int) -> bool:
    """Return True for a row without anything in it; in a single column, a cell of nothing is a missing value."""
    cells = "".join(row)
    return (not cells or cells.isspace()) and not (width == 1 and row)


def _cell(cell: str) -> str:
    """Return a cell of text, "" for a missing one."""
    cell = cell.strip()
    return "" if cell in MISSING else cell


def _text(cells: list[str]) -> Column:
    """Return text, or 1 and 0 for True and False."""
    truths = {cell: cell.lower() == "true" for cell in set(cells) if cell.lower() in ("true", "false")}
    if truths and {*truths, ""} >= set(cells):
        return np.array([truths.get(cell, np.nan) for cell in cells], np.float64)
    return cells


def _numbers(cells: Any, decimal: str) -> Numbers | None:
    """Return the cells as numbers, nan for missing ones; None if there is another one."""
    joined = "".join(cells)
    if decimal == ",":
        if "." in joined:
            return None
        cells, joined = [cell.replace(",", ".") for cell in cells], joined.replace(",", ".")
    if joined.isascii() and "_" not in joined:
        try:
            return np.array([*map(float, cells)], np.float64)
        except ValueError:
            pass  # some may be missing
    numbers = []
    for cell in map(str.strip, cells):
        if cell in MISSING:
            numbers.append(np.nan)
        elif NUMBER.fullmatch(cell):
            numbers.append(float(cell))
        else:
            return None
    return np.array(numbers, np.float64)
