"""Optional libraries: found, missing, broken."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from cohobate.core.errors import MissingExtra
from cohobate.host.extras import require


def test_an_installed_module_is_returned():
    assert require("math", extra="learn") is math
    assert require("os.path", extra="learn").basename("a/b") == "b"


@pytest.mark.parametrize("name", ["no_such_library_here", "no_such_library_here.part"])
def test_a_missing_library_names_its_extra(name: str):
    with pytest.raises(MissingExtra, match=r"no_such_library_here.*pip install 'cohobate\[chem\]'"):
        require(name, extra="chem")


def test_a_library_that_lacks_something_else_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "halfway_installed.py").write_text("import its_own_missing_part")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="its_own_missing_part") as caught:
        require("halfway_installed", extra="chem")
    assert not isinstance(caught.value, MissingExtra)
