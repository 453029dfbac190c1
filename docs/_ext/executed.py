"""Runs the code of a page when it is read, and puts below each block what it shows.

A page with ``executed: true`` at its top has its ``python`` and ``console`` blocks run, in order, in one process and an
empty folder. A block with a caption is a file, written before it is needed. A class of a block says more:

- ``shown``: is not run,
- ``hidden``: is run and not shown,
- ``fails``: must raise, or end with an exit code other than 0.

``{made} FILE`` shows a file that the page has made: a picture, or a page in a frame.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

RUNNER = Path(__file__).with_name("cells.py")
LIMIT = 600
"""Seconds for one page."""
FOLDER = "_build/executed"
log = logging.getLogger(__name__)


class made(nodes.Element, nodes.General):
    """Stands where a file will be shown that the page makes."""


class Made(SphinxDirective):
    """``{made} FILE``, with an optional text that describes it."""

    required_arguments = 1
    optional_arguments = 0
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"alt": str, "height": int}

    def run(self) -> list[nodes.Node]:
        """Returns the place to be filled."""
        node = made(file=self.arguments[0], **self.options)
        self.set_source_info(node)
        return [node]


class Execute(SphinxTransform):
    """Runs the blocks of a page that asks for it."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Puts what the blocks show below them."""
        if not _asked(self.document):
            return
        blocks = [node for node in self.document.findall(nodes.literal_block) if kind_of(node)]
        folder = Path(self.env.srcdir, FOLDER, self.env.docname)
        shown = perform([_described(node) for node in blocks], folder)
        for node, outputs in zip(blocks, shown, strict=False):
            self._place(node, outputs)
        for node in list(self.document.findall(made)):
            node.replace_self(self._file(node, folder))

    def _place(self, node: nodes.literal_block, outputs: list[dict[str, str]]) -> None:
        whole = node.parent if caption(node) else node
        below: list[nodes.Node] = []
        for one in outputs:
            if "error" in one:
                log.warning("a block failed:\n%s\n%s", node.astext(), one["error"], location=node)
            elif kind_of(node) == "console":
                node.children = [nodes.Text(one["text"])]
                node.rawsource = one["text"]
            else:
                below.append(self._output(one))
        if "hidden" in node["classes"]:
            whole.parent.remove(whole)
        elif below:
            whole.parent[whole.parent.index(whole) + 1 : whole.parent.index(whole) + 1] = below

    def _output(self, one: dict[str, str]) -> nodes.Node:
        if "html" in one:
            return nodes.raw("", f'<div class="output">{one["html"]}</div>', format="html")
        if "image" in one:
            return nodes.image(uri=f"/{FOLDER}/{self.env.docname}/{one['image']}", classes=["made"])
        return nodes.literal_block(one["text"], one["text"], language="text", classes=["output"])

    def _file(self, node: made, folder: Path) -> nodes.Node:
        file = node["file"]
        if not (folder / file).is_file():
            log.warning("the page made no file %s", file, location=node)
            return nodes.comment()
        alt = node.get("alt", file)
        if not file.endswith(".html"):
            return nodes.image(uri=f"/{FOLDER}/{self.env.docname}/{file}", alt=alt, classes=["made"])
        up = "../" * self.env.docname.count("/")
        source = f"{up}_made/{self.env.docname}/{file}"
        frame = f'<iframe class="made" loading="lazy" title="{alt}" src="{source}" height="{node.get("height", 640)}">'
        link = f'<p class="made"><a href="{source}">{alt}, on a page of its own</a></p>'
        return nodes.raw("", f"{frame}</iframe>{link}", format="html")


def caption(node: nodes.literal_block) -> str:
    """Returns the caption of a block, which names a file; ``""`` without one."""
    parent = node.parent
    if isinstance(parent, nodes.container) and isinstance(parent[0], nodes.caption):
        return parent[0].astext()
    return ""


def kind_of(node: nodes.literal_block) -> str:
    """Returns how a block is performed, ``""`` where it is only shown."""
    if "shown" in node["classes"]:
        return ""
    if caption(node):
        return "file"
    return node["language"] if node.get("language") in ("python", "console") else ""


def perform(blocks: list[dict[str, str]], folder: Path) -> list[list[dict[str, str]]]:
    """Returns what each block shows, run in a fresh folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    ended = subprocess.run(
        [sys.executable, str(RUNNER)],
        input=json.dumps(blocks),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if ended.returncode:
        return [[{"error": f"the process of the page ended with {ended.returncode}: {ended.stderr[-3000:]}"}]]
    return json.loads(ended.stdout)


def _described(node: nodes.literal_block) -> dict[str, str]:
    fails = "yes" if "fails" in node["classes"] else ""
    return {"kind": kind_of(node), "text": node.astext(), "file": caption(node), "fails": fails}


def _asked(document: nodes.document) -> bool:
    """Whether the front matter has ``executed: true``; the page's metadata is collected only later."""
    fields = (field for docinfo in document.findall(nodes.docinfo) for field in docinfo.findall(nodes.field))
    return any(field[0].astext() == "executed" for field in fields)


def deliver(app: Sphinx, error: Exception | None) -> None:
    """Puts the pages that were made beside those of the documentation."""
    made_here = Path(app.srcdir, FOLDER)
    if error or app.builder.format != "html" or not made_here.is_dir():
        return
    for page in made_here.rglob("*.html"):
        target = Path(app.outdir, "_made", page.relative_to(made_here))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the transform and the directive."""
    app.add_node(made)
    app.add_directive("made", Made)
    app.add_transform(Execute)
    app.connect("build-finished", deliver)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
