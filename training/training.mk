# Training: commands of `training/`, included by the top Makefile. Everything runs from the
# repository's root; what is made stays in training/.venv, training/pack and training/runs.

TRAINING_PYTHON := training/.venv/bin/python
# Threads that spin while they wait take the cores from the ones that work.
TRAINING := OMP_WAIT_POLICY=passive PYTHONPATH=training $(TRAINING_PYTHON) -m diarist_training.cli
DIARIST_SHARED ?= ../shared
RECIPE ?= $(if $(shell command -v nvidia-smi 2>/dev/null),resnet50-gpu,resnet50-cpu)

training/.venv/installed: training/requirements.txt training/requirements-resemblyzer.txt
	$(PYTHON) -m venv training/.venv
	training/.venv/bin/pip install --quiet --requirement training/requirements.txt
	training/.venv/bin/pip install --quiet --no-deps --requirement training/requirements-resemblyzer.txt
	touch $@

training/pack/index.npz: | training/.venv/installed
	$(TRAINING) pack --manifest $(DIARIST_SHARED)/data/manifest.tsv --output-dir training/pack

training/pack/teacher_resemblyzer.npz: | training/.venv/installed
	$(TRAINING) teacher --manifest $(DIARIST_SHARED)/data/manifest.tsv --bf16 --output $@

.PHONY: train
train: training/pack/index.npz training/pack/teacher_resemblyzer.npz ## train the network (RECIPE=name in training/recipes); goes on where it stopped
	$(TRAINING) train training/recipes/$(RECIPE).yaml

.PHONY: test-training
test-training: training/.venv/installed ## the training's tests
	cd training && OMP_WAIT_POLICY=passive .venv/bin/python -m pytest
