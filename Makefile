PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VALIDATOR := $(VENV)/node_modules/gltf-validator
NPM := $(shell command -v npm)

.PHONY: env validator test lint demo bench addon clean

env: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[blender,smpl,train,datasets,dev]'
	$(BIN)/limber setup
	touch $@

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Khronos' judge of glTF files; its tests are skipped where there is no npm
validator: $(VALIDATOR)

$(VALIDATOR): | $(READY)
	-npm install --silent --no-audit --no-fund --prefix $(VENV) gltf-validator@2.0.0-dev.3.10

test: lint $(if $(NPM),validator)
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

# make demo FOOTAGE=path.mp4 does the same on any footage
demo: env
	$(BIN)/python -m backend.demo --out demo $(if $(FOOTAGE),--footage '$(FOOTAGE)')

bench: env
	$(BIN)/python -m backend.bench

addon: env
	$(BIN)/python build_addon.py

clean:
	rm -rf $(VENV) build dist demo
