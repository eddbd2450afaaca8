import pytest

from dina import code


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(code, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(
        '"""Doc."""\nfrom dina import b\n\ndef f():\n    """Doc."""\n    from dina.c import g\n    return b, g\n'
    )
    (tmp_path / "b.py").write_text("x = 1\n")
    (tmp_path / "c.py").write_text("def g():\n    return 2\n")
    (tmp_path / "d.py").write_text("y = 1\n")
    (tmp_path / "settings.py").write_text("z = 1\n")

    def version(**edits):
        for name, text in edits.items():
            (tmp_path / f"{name}.py").write_text(text)
        code._tree.cache_clear()
        return code.code_version("dina.a")

    return version


def test_edits_that_change_nothing(package):
    before = package()
    assert package(b="# a comment\nx  =  1\n") == before
    assert package(d="y = 2\n") == before


def test_docstrings_do_not_count(package):
    before = package()
    text = '"""Other."""\nfrom dina import b\n\ndef f():\n    """Other."""\n    from dina.c import g\n    return b, g\n'
    assert package(a=text) == before


def test_what_type_checkers_alone_import_does_not_count(package):
    text = "import typing\nif TYPE_CHECKING:\n    from dina.d import y\n"
    before = package(a=text)
    assert package(d="y = 2\n") == before and package(a=text.replace("d import y", "c import g")) == before
    assert package(a=text.replace("if TYPE_CHECKING", "if typing")) != before


@pytest.mark.parametrize("edit", [{"b": "x = 2\n"}, {"c": "def g():\n    return 3\n"}])
def test_imported_code_counts_inside_functions_too(package, edit):
    assert package() != package(**edit)


def test_settings_arrive_as_params(package):
    before = package()
    assert package(settings="z = 2\n") == before


def test_unknown_module():
    with pytest.raises(ModuleNotFoundError):
        code.code_version("dina.nothing")
