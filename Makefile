# `make demo` on a fresh clone ends with a report; `make test` and `make check` are what continuous integration runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

PACKAGED := src/cloudchamber/studies
RUN_FILES := run.json weights.safetensors recipe.json schema.json domain.json metrics.json log.csv loss.png training_events.npy

.PHONY: install demo test slow check bench weights clean
.DEFAULT_GOAL := install

install: $(STAMP)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "cloudchamber needs Python >= 3.11: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,export,formats,geant4,cluster]'
	touch $@

demo: $(STAMP)
	$(BIN)/cloudchamber demo airshower

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy src
	$(BIN)/lint-imports

# every speed that the READMEs state, beside its peers: five minutes
bench: $(STAMP)
	$(BIN)/python benchmarks/speed.py

# the packaged weights, from nothing: hours on a laptop; each step resumes
weights: $(STAMP)
	$(BIN)/cloudchamber simulate airshower data/airshower/train --n 206000 --seed 1
	$(BIN)/cloudchamber train airshower data/airshower/train runs/airshower/matching --recipe matching --seed 1
	mkdir -p $(PACKAGED)/airshower/pretrained/matching
	cd runs/airshower/matching && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/airshower/pretrained/matching
	$(BIN)/cloudchamber simulate cosmic_ray_sky data/cosmic_ray_sky/varied --simulator varied --n 16000 --seed 1 --block-events 200
	$(BIN)/cloudchamber train cosmic_ray_sky data/cosmic_ray_sky/varied runs/cosmic_ray_sky/events --recipe events --seed 1
	mkdir -p $(PACKAGED)/cosmic_ray_sky/pretrained/events
	cd runs/cosmic_ray_sky/events && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/cosmic_ray_sky/pretrained/events
	$(BIN)/cloudchamber simulate galactic_centre data/galactic_centre/train --n 40000 --seed 1 --block-events 250
	$(BIN)/cloudchamber train galactic_centre data/galactic_centre/train runs/galactic_centre/posterior --recipe posterior --seed 1 --memory-gb 14
	mkdir -p $(PACKAGED)/galactic_centre/pretrained/posterior
	cd runs/galactic_centre/posterior && cp $(RUN_FILES) familiarity.safetensors $(CURDIR)/$(PACKAGED)/galactic_centre/pretrained/posterior
	$(BIN)/cloudchamber simulate galactic_centre data/galactic_centre/diffuse --simulator diffuse --n 20000 --seed 1 --block-events 1000
	$(BIN)/cloudchamber train galactic_centre data/galactic_centre/diffuse runs/galactic_centre/diffuse --recipe diffuse --seed 1
	mkdir -p $(PACKAGED)/galactic_centre/pretrained/diffuse
	cd runs/galactic_centre/diffuse && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/galactic_centre/pretrained/diffuse
	$(BIN)/cloudchamber simulate calorimeter data/calorimeter/train --simulator geant4 --n 250000 --seed 1
	$(BIN)/cloudchamber train calorimeter data/calorimeter/train runs/calorimeter/flow --recipe flow --seed 1
	mkdir -p $(PACKAGED)/calorimeter/pretrained/flow
	cd runs/calorimeter/flow && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/calorimeter/pretrained/flow
	$(BIN)/cloudchamber simulate bolometer data/bolometer/train --n 2000000 --seed 1 --block-events 20000 --settings.shares 0.8 0.2 \
	    --settings.conditions.without-phi-mv 450 550 --settings.conditions.without-thickness-um 470 530
	$(BIN)/cloudchamber train bolometer data/bolometer/train runs/bolometer/events --recipe events --seed 1
	mkdir -p $(PACKAGED)/bolometer/pretrained/events
	cd runs/bolometer/events && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/bolometer/pretrained/events
	$(BIN)/cloudchamber simulate bolometer data/bolometer/glitches --simulator glitches --n 120000 --seed 1 --block-events 5000
	$(BIN)/cloudchamber train bolometer data/bolometer/glitches runs/bolometer/glitches --recipe glitches --seed 1
	mkdir -p $(PACKAGED)/bolometer/pretrained/glitches
	cd runs/bolometer/glitches && cp $(RUN_FILES) $(CURDIR)/$(PACKAGED)/bolometer/pretrained/glitches
	$(BIN)/cloudchamber simulate surface_array data/surface_array/train --n 500000 --seed 1
	$(BIN)/cloudchamber train surface_array data/surface_array/train runs/surface_array/waveform_net --recipe waveform_net --seed 1 --memory-gb 12
	mkdir -p $(PACKAGED)/surface_array/pretrained/waveform_net
	cd runs/surface_array/waveform_net && cp $(RUN_FILES) familiarity.safetensors $(CURDIR)/$(PACKAGED)/surface_array/pretrained/waveform_net

clean:
	rm -rf $(VENV) build
