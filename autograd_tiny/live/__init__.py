"""Pages that compute: a graph as JSON, and a script, generated from the op table, that moves it in the browser.

spelling.py    rows of the op table in JavaScript, by way of the compiler's lowering
generating.py  `script`: the table as switches over op codes, beside `runtime.js` and `program.js`
encoding.py    `encode`: a graph, or a function at its arguments, as JSON
runtime.js     what JavaScript's Math lacks: erf, erfc, IEEE 754 pow, the gamma family, exact sums
pages.py       `live`: one page of a graph or a function, each leaf to be moved
program.js     `Program`: forward, backward, trays, guards, and the check against the recorded numbers
page.html      the page: structure
page.css       the page: style
page.js        the page: a leaf that moves, and what follows
"""

from typing import TYPE_CHECKING

from autograd_tiny.engine.lazy import lazy

if TYPE_CHECKING:
    from autograd_tiny.live.encoding import encode as encode
    from autograd_tiny.live.generating import script as script
    from autograd_tiny.live.pages import live as live

__getattr__, __dir__, __all__ = lazy(__name__, {".encoding": "encode", ".generating": "script", ".pages": "live"})
