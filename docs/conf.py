"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx

import cohobate

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "cohobate"
author = copyright = "The cohobate developers"
version = release = cohobate.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "executed", "names"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_ambiguous"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

html_theme = "furo"
html_title = f"cohobate {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

SOURCES = [*Path(cohobate.__file__).parent.rglob("*.py"), *HERE.joinpath("_ext").glob("*.py")]
code = sha256(b"".join(path.read_bytes() for path in sorted(SOURCES))).hexdigest()


def setup(app: Sphinx) -> None:
    """Reads every page again when the code has changed, since pages show what it does."""
    app.add_config_value("code", "", "env", str)
