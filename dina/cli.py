"""Small helpers on the command line; the workflow itself is run by snakemake."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dina.errors import DinaError


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``dina``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dina", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    verify = commands.add_parser(
        "verify", help="digest every store under a results folder and compare it with its manifest"
    )
    verify.add_argument("results", type=Path, nargs="?", default=Path("results"))
    verify.set_defaults(run=_verify)
    summary = commands.add_parser("summary", help="say where the report is, and print the scoreboard")
    summary.add_argument("results", type=Path, nargs="?", default=Path("results"))
    summary.set_defaults(run=_summary)
    train = commands.add_parser("train", help="train one seed of DINA on a store of responses; works under torchrun")
    train.add_argument("responses", type=Path, help="store of trial responses")
    train.add_argument("output", type=Path, help="store to write")
    train.add_argument("--settings", type=Path, help="YAML as config/config.yaml; what it leaves out is at its default")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=_train)
    init = commands.add_parser(
        "init", help="propose a recording sheet for a project folder in the NeuroBlueprint layout"
    )
    init.add_argument("project", type=Path, help="folder with rawdata in it")
    init.add_argument("--sheet", type=Path, help="to write, .tsv; by default config/{project}.tsv")
    init.set_defaults(run=_init)
    settings = commands.add_parser("settings", help="rewrite config/ and workflow/schemas/ from dina/settings/")
    settings.add_argument("root", type=Path, nargs="?", default=Path())
    settings.set_defaults(run=_settings)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except DinaError as error:
        print(error, file=sys.stderr)
        return 1


def _verify(options: argparse.Namespace) -> int:
    from dina.stores import checked

    folders = {path.parent for path in options.results.rglob("provenance.json")}
    folders |= {path.parent for path in options.results.rglob("arrays.zarr")}
    named = {path.with_suffix("") for path in options.results.rglob("*.json") if _is_manifest(path)}
    stores = sorted(folders | named)
    if not stores:
        print(
            f"{options.results}: found no store; expected stores with manifests. Name the results folder.",
            file=sys.stderr,
        )
        return 1
    damaged = 0
    for store in stores:
        try:
            checked(store, verify=True)
        except DinaError as error:
            damaged += 1
            print(error, file=sys.stderr)
    print(f"{len(stores)} stores, {damaged} damaged")
    return 1 if damaged else 0


def _is_manifest(path: Path) -> bool:
    """Whether a JSON file stands where a store's manifest does, and not inside a store."""
    import json

    from dina.exports.suite2p_folder import RECORD

    if path.name in ("provenance.json", "zarr.json", "model.json") or "arrays.zarr" in path.parts:
        return False
    if path.with_name(RECORD).is_file():  # a copy, in a folder for suite2p
        return False
    try:
        return {"arrays", "tables", "files"} <= set(json.loads(path.read_text()))
    except (ValueError, TypeError):
        return path.with_suffix("").is_dir()


def _summary(options: argparse.Namespace) -> int:
    from dina.report.summary import summarise

    print(summarise(options.results))
    return 0


def _train(options: argparse.Namespace) -> int:
    from dina.settings import Settings, parse, read_values
    from dina.stores import checked
    from dina.training.train import train_dina

    values = read_values(options.settings) if options.settings else {}
    settings = parse(Settings, values, str(options.settings))
    train_dina(
        checked(options.responses),
        options.output,
        settings.dina,
        settings.gabor,
        seed=options.seed,
        device=settings.device,
    )
    return 0


def _init(options: argparse.Namespace) -> int:
    from dina.recordings.neuroblueprint import propose

    sheet = options.sheet or Path("config", f"{options.project.resolve().name}.tsv")
    print(propose(options.project, sheet))
    return 0


def _settings(options: argparse.Namespace) -> int:
    from dina.documentation import write_documentation

    for path in write_documentation(options.root):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
