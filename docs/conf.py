"""How Sphinx builds the documentation: `make docs`. No page asks anything of another host."""

import re
from pathlib import Path, PurePosixPath

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from edgewright import __version__

project = "edgewright"
copyright = "the edgewright maintainers, Apache-2.0"  # noqa: A001 - Sphinx's name for it
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
# README.md is the same index for readers of the files.
exclude_patterns = ["README.md"]
nitpicky = True

# Anchors for headings, as GitHub makes them.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"edgewright {version}"
html_copy_source = False
html_show_sphinx = False

DOCS = Path(__file__).parent
LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")


def name_files_outside(_: Sphinx, page: str, source: list[str]) -> None:
    """Links to files of the repository beside docs/ become the files' names: the site holds only docs/."""

    def named(link: re.Match[str]) -> str:
        target = (DOCS / PurePosixPath(page).parent / link[2]).resolve()
        if target.is_relative_to(DOCS):
            return link[0]
        path = target.relative_to(DOCS.parent).as_posix()
        return f"`{path}`" if link[1].strip("`") == path else f"{link[1]} (`{path}`)"

    source[0] = LINK.sub(named, source[0])


def setup(app: Sphinx) -> None:
    """The lexer of the format's hex blocks, and the links that leave the site."""
    app.add_lexer("hex", TextLexer)
    app.connect("source-read", name_files_outside)
