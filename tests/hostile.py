"""Names with a meaning in Markdown, DOT, Mermaid, HTML, LaTeX or a terminal."""

HOSTILE = ["a * b * c", "__init__ **x**", "1. list", "1) list", "- item", "+ item", "> quote", "# head", "<b>b</b>",
           'say "a"', "`code`", "end", "a#35;b", "&lt;", "a\\b{c}%$#_&~^|", "שלום", "🎉漢", "--> x", "$$x^2$$", "$$$$",
           "fa:fa-car", "fab:fa-x", "https://x.org/a_b", "%%{init: 1}%%", "click n0", "direction LR", "direction  TB",
           "line\nbreak", "\x00", "\u202eevil", ":::leaf", "@{shape: x}", "~~~", "---", "", " ",
           "a" * 10_000]  # fmt: skip
