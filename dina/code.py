"""A digest of the source behind a stage, so that editing a module reruns what depends on it.

The digest covers the syntax trees (no docstrings, no comments, no layout, nothing for type checkers alone) of a module
and of every ``dina`` module that it imports, at its top or inside functions. Nothing is imported to compute it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).parent
# Settings' values arrive as params; stage, cli and the package file do not shape results.
NOT_CODE = {"dina", "dina.stage", "dina.cli", "dina.code"}
VALUES = "dina.settings"  # a package


def code_version(module: str) -> str:
    """Digest of ``module`` and of all ``dina`` modules that it imports, directly or not.

    Raises
    ------
    ModuleNotFoundError
        If the module is not part of dina.
    """
    if _source(module) is None:
        raise ModuleNotFoundError(module)
    digest = hashlib.sha256()
    for name in sorted(_closure(module)):
        digest.update(name.encode() + _tree(name)[0])
    return digest.hexdigest()[:16]


def _closure(module: str) -> set[str]:
    seen, queue = set(), [module]
    while queue:
        name = queue.pop()
        if name in seen or _left_out(name):
            continue
        seen.add(name)
        queue.extend(_tree(name)[1])
    return seen


def _left_out(module: str) -> bool:
    return module in NOT_CODE or module == VALUES or module.startswith(f"{VALUES}.")


def _source(module: str) -> Path | None:
    parts = module.split(".")
    if parts[0] != "dina":
        return None
    base = ROOT.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if len(parts) > 1 and path.is_file():
            return path
    return None


@functools.cache
def _tree(module: str) -> tuple[bytes, frozenset[str]]:
    tree = ast.parse(_source(module).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]  # it never runs
    imports = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.add(node.module)
            imports |= {f"{node.module}.{alias.name}" for alias in node.names}
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            body[0].value.value = ""
    return ast.dump(tree).encode(), frozenset(name for name in imports if _source(name) and not _left_out(name))
