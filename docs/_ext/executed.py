"""Runs the code of a page when it is read, and puts below each block what it shows.

A page with ``executed: true`` at its top has its ``python`` and ``console`` blocks run, in order, in one process and an
empty folder. A block with a caption is a file, written before it is needed. A class of a block says more:

- ``shown``: is not run,
- ``hidden``: is run and not shown,
- ``fails``: must raise, or end with an exit code other than 0,
- ``ctrl-c``: is run in a terminal until Ctrl-C is pressed, and what stood there is drawn.

``{made} FILE`` shows a file as the page has made it so far: a picture, or a page in a frame.
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


class made(nodes.General, nodes.Element):
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
        wanted = [node for node in self.document.findall() if kind_of(node)]
        shown = perform([_described(node) for node in wanted], Path(self.env.srcdir, FOLDER, self.env.docname))
        for node, outputs in zip(wanted, shown, strict=False):
            self._place(node, outputs)
        for node in list(self.document.findall(made)):  # below a block that failed
            node.parent.remove(node)

    def _place(self, node: nodes.Element, outputs: list[dict[str, str]]) -> None:
        whole = node.parent if caption(node) else node
        below: list[nodes.Node] = []
        for one in outputs:
            if "error" in one:
                log.warning("a block failed:\n%s\n%s", node.astext(), one["error"], location=node)
            elif kind_of(node) == "console":
                node.children = [nodes.Text(one["text"])]
                node.rawsource = one["text"]
            else:
                below.append(self._output(one, node))
        at = whole.parent.index(whole) + 1
        if "hidden" in node["classes"] or isinstance(node, made):
            whole.parent.remove(whole)
            at -= 1
        if "hidden" not in node["classes"]:
            whole.parent[at:at] = below

    def _output(self, one: dict[str, str], node: nodes.Element) -> nodes.Node:
        if "html" in one:
            return nodes.raw("", f'<div class="output">{one["html"]}</div>', format="html")
        if "image" in one:
            uri = f"/{FOLDER}/{self.env.docname}/{one['image']}"
            return nodes.image(uri=uri, alt=node.get("alt", "what the code above draws"), classes=["made"])
        if "page" in one:
            return self._page(one["page"], node)
        return nodes.literal_block(one["text"], one["text"], language="text", classes=["output"])

    def _page(self, file: str, node: nodes.Element) -> nodes.Node:
        up = "../" * self.env.docname.count("/")
        source, alt = f"{up}_made/{self.env.docname}/{file}", node.get("alt", file)
        frame = f'<iframe class="made" loading="lazy" title="{alt}" src="{source}" height="{node.get("height", 640)}">'
        link = f'<p class="made"><a href="{source}">{alt}, on a page of its own</a></p>'
        return nodes.raw("", f"{frame}</iframe>{link}", format="html")


def caption(node: nodes.Element) -> str:
    """Returns the caption of a block, which names a file; ``""`` without one."""
    parent = node.parent
    if isinstance(parent, nodes.container) and isinstance(parent[0], nodes.caption):
        return parent[0].astext()
    return ""


def kind_of(node: nodes.Node) -> str:
    """Returns how a node is performed, ``""`` where it is only shown."""
    if isinstance(node, made):
        return "made"
    if not isinstance(node, nodes.literal_block) or "shown" in node["classes"]:
        return ""
    if caption(node):
        return "file"
    if "ctrl-c" in node["classes"]:
        return "terminal"
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


def _described(node: nodes.Element) -> dict[str, str]:
    fails = "yes" if "fails" in node["classes"] else ""
    file = node["file"] if isinstance(node, made) else caption(node)
    return {"kind": kind_of(node), "text": node.astext(), "file": file, "fails": fails}


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
