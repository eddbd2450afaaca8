"""What ``dina`` offers by name; that importing it loads nothing heavy is in test_settings.py."""

import pytest

import dina


def test_public_names_are_there_and_no_others():
    assert all(callable(getattr(dina, name)) for name in dina.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open_sesion'"):
        _ = dina.open_sesion
