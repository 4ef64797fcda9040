"""Configuration of the documentation. Build it with `python -m tests.check_docs --build-only`."""

import logging
import sys
from pathlib import Path

import tomllib

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

import seedream_nb  # noqa: E402 -- found only by the line above, when the package is not installed

PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
URLS = PROJECT.get("urls", {})

project = "seedream_nb"
author = "The seedream_nb authors"
copyright = author  # noqa: A001 -- Sphinx's own name
release = version = seedream_nb.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    *sorted(path.stem for path in (DOCS / "_ext").glob("[a-z]*.py")),  # each module there is an extension
]
exclude_patterns = ["_ext", "_static", "_templates"]
templates_path = ["_templates"]

# Every reference to this package must have a target; other packages' documentation is not fetched.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!seedream_nb).*")]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks appear with the outputs that they are committed with
suppress_warnings = [
    "misc.highlighting_failure",  # messages and prompts hold characters that no lexer knows
]
nb_ipywidgets_js = {}  # nothing is loaded from outside

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "seedream_nb"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

# Until all pages are there: Sphinx has no other way to allow a pattern that matches none yet.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(lambda record: "toctree glob" not in str(record.msg))
