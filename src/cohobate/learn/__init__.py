"""What is made of what was seen: features, models, interpolants; and ``co.learn(f, (-1, 1))``, which learns a function.

That call is ``cohobate.campaign.learning.learn``.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class Verb(ModuleType):
    """The type of this package, whose name is that of a function, too."""

    def __call__(self, *args: Any, **kwargs: Any) -> object:
        """Learns a function: see ``cohobate.campaign.learning.learn``."""
        # by name: it stands further right in the order of imports, where all of this package is used
        return import_module("cohobate.campaign.learning").learn(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(import_module("cohobate.campaign.learning").learn)


sys.modules[__name__].__class__ = Verb
