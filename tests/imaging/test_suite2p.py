"""Importing suite2p disturbs neither home nor thread counts."""

import os
import subprocess
import sys

import pytest

from dina.imaging import suite2p

PROGRAM = """
import os, torch
from dina.threads import limit_threads
limit_threads(1)
from dina.imaging import suite2p
suite2p.load()
print(torch.get_num_threads(), __import__("numba").get_num_threads())
"""


def test_threads_survive_the_import_and_nothing_is_printed():
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stdout == "1 1\n"
    assert "not installed" not in result.stderr


def test_a_read_only_home_is_replaced_while_importing(monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere")
    with suite2p._writable_home():
        assert os.access(os.environ["HOME"], os.W_OK)
    assert os.environ["HOME"] == "/nowhere"
    monkeypatch.delenv("HOME")


def test_settings_are_copies():
    first = suite2p.settings_for("detection")
    first["sparsery_settings"]["spatial_scale"] = 99
    assert suite2p.settings_for("detection")["sparsery_settings"]["spatial_scale"] == 0
    with pytest.raises(KeyError):
        suite2p.settings_for("unknown")
