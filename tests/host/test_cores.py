"""The cores we may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from cohobate.host.cores import quota, thread_limits, usable


def groups(tmp_path: Path, membership: str, files: dict[str, str]) -> float:
    (tmp_path / "membership").write_text(membership)
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return quota(tmp_path / "fs", tmp_path / "membership")


def test_version_2_takes_the_tightest_of_all_levels(tmp_path: Path):
    files = {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "250000 100000\n", "cpu.max": "800000 100000\n"}
    assert groups(tmp_path, "0::/a/b\n", files) == 2.5


def test_version_1(tmp_path: Path):
    files = {
        "cpu/x/cpu.cfs_quota_us": "300000\n",
        "cpu/x/cpu.cfs_period_us": "100000\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
    }
    files["cpu/cpu.cfs_period_us"] = "100000\n"
    assert groups(tmp_path, "5:cpuacct,cpu:/x\n4:memory:/x\n", files) == 3.0


def test_no_groups_no_limit(tmp_path: Path):
    assert quota(tmp_path, tmp_path / "missing") == math.inf


def test_this_machine():
    assert 1 <= usable() <= (os.cpu_count() or 1)


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    limits = thread_limits(0)
    assert (limits["OMP_NUM_THREADS"], limits["MKL_NUM_THREADS"]) == ("7", "1")
