"""Configuration of the documentation. Build it with `python -m tests.check_docs --build-only`."""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

import seedream_nb  # noqa: E402 -- found only by the line above, when the package is not installed

URLS = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

project = "seedream_nb"
author = "The seedream_nb authors"
copyright = f"{author}, Apache License 2.0"  # noqa: A001 -- Sphinx's own name
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
repository = URLS["Repository"]

# Every reference to this package must have a target; other packages' documentation is not fetched.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!seedream_nb).*")]
suppress_warnings = ["misc.highlighting_failure"]  # messages and prompts hold characters that no lexer knows

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks appear with the outputs that they are committed with
nb_ipywidgets_js = {}  # nothing is loaded from outside

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp"
copybutton_selector = "div:not(.output) > div.highlight > pre"

html_theme = "pydata_sphinx_theme"
html_title = "seedream_nb"
html_favicon = "_static/seedream.svg"
html_static_path = ["_static"]
html_css_files = ["seedream.css"]
html_js_files = ["seedream.js"]
html_baseurl = URLS["Documentation"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # the summaries are fetched, which a browser does not allow for files
html_sidebars = {path.stem: [] for path in DOCS.glob("*.md")}  # pages of no section
html_context = {"default_mode": "auto"}
toc_object_entries_show_parents = "hide"  # long names do not fit beside a page
html_theme_options = {
    "logo": {"image_light": "_static/seedream.svg", "image_dark": "_static/seedream.svg", "text": "seedream_nb"},
    "icon_links": [{"name": "Repository", "url": repository, "icon": "fa-brands fa-github"}],
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "github-dark",
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "search_bar_text": "Search",
    "show_toc_level": 2,
    "back_to_top_button": False,
}
