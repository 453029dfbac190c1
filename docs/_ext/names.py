"""Leads a type in a signature to where the public name of it is documented."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import cohobate


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Element | None:
    """Returns the reference to ``cohobate.Pool`` for ``cohobate.core.pool.Pool``, ``None`` for what is not public."""
    target = str(node.get("reftarget", ""))
    home, _, name = target.rpartition(".")
    if node.get("refdomain") != "py" or name not in cohobate._HOMES.get(home, ()):
        return None
    domain = env.domains.python_domain
    where = node.get("refdoc", "")
    return domain.resolve_xref(env, where, app.builder, "obj", f"cohobate.{name}", node, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the resolver."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
