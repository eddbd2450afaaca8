# make run · make test · make test-slow · make test-slurm · make reproduce · make lint · make bench · make bench-imaging · make bench-deconvolution · make bench-decoding · make bench-transfer · make bench-gratings · make bench-costs · make bench-throughput · make bench-attribution · make bench-graph · make bench-importing

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test test-slow test-slurm reproduce lint format bench bench-imaging bench-deconvolution bench-decoding bench-transfer bench-gratings bench-costs bench-throughput bench-attribution bench-graph bench-importing clean

run: .venv/installed
	snakemake --cores all

test: .venv/installed
	pytest -m "not slow and not slurm" -n 2 --dist loadscope --no-loadscope-reorder

test-slow: .venv/installed
	pytest -m "slow and not slurm"

test-slurm: .venv/installed
	pytest -m slurm

# The default recording twice, with one core and with two; every digest must agree.
reproduce: .venv/installed
	snakemake --cores 1 --config results=reproduced/1-core
	snakemake --cores 2 --config results=reproduced/2-cores
	dina compare reproduced/1-core reproduced/2-cores

lint: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow

format: .venv/installed
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow
	dina settings

bench: .venv/installed
	python benchmarks/imaging_truth.py

bench-imaging: .venv/installed
	python benchmarks/imaging.py

bench-deconvolution: .venv/installed
	python benchmarks/deconvolution_truth.py

bench-decoding: .venv/installed
	python benchmarks/decoding/run.py
	python benchmarks/decoding/summary.py

bench-costs: .venv/installed
	python benchmarks/decoding/costs.py

bench-throughput: .venv/installed
	python benchmarks/decoding/throughput.py

bench-transfer: .venv/installed
	python benchmarks/decoding/transfer.py

bench-gratings: .venv/installed
	python benchmarks/decoding/gratings.py $(DATA)

bench-attribution: .venv/installed
	python benchmarks/attribution/run.py

bench-graph: .venv/installed
	python benchmarks/graph.py

bench-importing: .venv/installed
	python benchmarks/importing.py $(DATA)

clean:
	rm -rf results reproduced .snakemake

.venv/installed: pyproject.toml envs/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable '.[test]'
	touch $@
