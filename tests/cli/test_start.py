"""The command line starts fast and is found under its name."""

from __future__ import annotations

import subprocess
import sys

from cli.programs import environment, program

HEAVY = {"numpy", "scipy", "rich", "pydantic", "matplotlib", "rdkit", "pandas", "sqlite3", "asyncio", "cloudpickle"}
COMMANDS = ["init", "run", "status", "errors", "export", "plot", "replay", "snapshot"]


def test_help_lists_the_commands_and_imports_nothing_heavy():
    code = (
        "import sys, os\nfrom cohobate.cli import main\nsys.argv = ['cohobate', '--help']\n"
        "try:\n    main()\nfinally:\n    t = os.times()\n"
        "    print(t.user + t.system, *{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=30)
    seconds, *modules = done.stderr.split()
    assert done.returncode == 0
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    assert HEAVY.isdisjoint(modules)
    assert float(seconds) < 0.5


def test_a_wrong_command_is_misuse():
    done = subprocess.run(program("rnu"), capture_output=True, text=True, env=environment(), timeout=30)
    assert done.returncode == 2
    assert "rnu" in done.stderr
    assert "Traceback" not in done.stderr
