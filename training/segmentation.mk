# The segmentation network: training, exporting, measuring. Included by the top Makefile after
# training.mk.

SEGMENTATION := models/diarist-segmentation
SEGMENTATION_FILE = $(SEGMENTATION)/diarist-segmentation.onnx
SEGMENTATION_RECIPE ?= $(if $(shell command -v nvidia-smi 2>/dev/null),segmentation-gpu,segmentation-cpu)
SEGMENTATION_RUN = training/runs/$(SEGMENTATION_RECIPE)

training/pack/voiceprints.npz: | training/pack/index.npz
	$(TRAINING) segment-voiceprints --output $@

.PHONY: train-segmentation
train-segmentation: training/pack/index.npz training/pack/voiceprints.npz ## train the segmentation network (SEGMENTATION_RECIPE=name in training/recipes); goes on where it stopped
	$(TRAINING) segment-train training/recipes/$(SEGMENTATION_RECIPE).yaml

.PHONY: segmentation-release
segmentation-release: training/.venv/installed ## write models/diarist-segmentation out of CHECKPOINT (default: the run's final.pt)
	$(TRAINING) segment-export $(or $(CHECKPOINT),$(SEGMENTATION_RUN)/final.pt) --output $(SEGMENTATION_FILE)

.PHONY: segmentation-measure
segmentation-measure: training/pack/index.npz ## errors of the segmentation network on simulated and real chunks, and its speed (RUN=folder of the run, to take up its log too)
	$(TRAINING) segment-measure $(SEGMENTATION_FILE) --split verify --split simulate \
		--output $(SEGMENTATION)/measurements/errors.json $(if $(RUN),--run $(RUN))
	$(TRAINING) segment-speed $(SEGMENTATION_FILE) --output $(SEGMENTATION)/measurements/speed.json
	$(TRAINING) card $(SEGMENTATION)
