# The shipped model: rebuilding its large forms, making a new one, measuring it. Included by the
# top Makefile after training.mk.

MODEL ?= models/diarist-resnet50
MODEL_STEM = $(MODEL)/$(notdir $(MODEL))

# Without CHECKPOINT the fp32 file is the committed weights-int8 one multiplied out.
.PHONY: models
models: training/.venv/installed ## rebuild the fp32 and fp16 files in models/ (CHECKPOINT=final.pt of a run, if there is one)
	$(if $(CHECKPOINT),$(TRAINING) export $(CHECKPOINT) --output-dir $(MODEL),$(TRAINING) rebuild $(MODEL))

.PHONY: model-release
model-release: training/.venv/installed ## all forms of a new model out of CHECKPOINT, into MODEL=models/NAME
	$(TRAINING) export $(CHECKPOINT) --output-dir $(MODEL)
	$(TRAINING) quantize $(MODEL_STEM).fp32.onnx --manifest $(DIARIST_SHARED)/data/manifest.tsv \
		--held-out training/recipes/children-heldout.txt
	ls -l $(MODEL)

.PHONY: model-measure
model-measure: training/.venv/installed ## EER of every form beside Resemblyzer, and speed, into MODEL's measurements
	$(TRAINING) verify --system fp32=$(MODEL_STEM).fp32.onnx --system int8=$(MODEL_STEM).int8.onnx \
		--system weights-int8=$(MODEL_STEM).weights-int8.onnx --system resemblyzer=resemblyzer \
		--manifest $(DIARIST_SHARED)/data/manifest.tsv \
		--hard-set children=training/recipes/children-heldout.txt --output $(MODEL)/measurements/verification
	$(TRAINING) speed $(MODEL_STEM).fp32.onnx $(MODEL_STEM).int8.onnx --output $(MODEL)/measurements/speed.json

.PHONY: voice-calibration
voice-calibration: build training/.venv/installed ## what a cosine says about two voices: the values of [voices] in the settings, into MODEL's measurements
	$(TRAINING) voice-calibration --pipeline $(DIARIST) --manifest $(DIARIST_SHARED)/data/manifest.tsv \
		--model $(MODEL_STEM).int8.onnx $(MODEL_STEM).weights-int8.onnx \
		--output $(MODEL)/measurements/voice-calibration.json

.PHONY: model-card
model-card: training/.venv/installed ## put what was measured into MODEL's card (RUN=folder of the run, to take up its log too)
	$(TRAINING) card $(MODEL) $(if $(RUN),--run $(RUN) --manifest $(DIARIST_SHARED)/data/manifest.tsv)

.PHONY: golden
golden: training/.venv/installed ## write tests/fixtures/golden again
	$(TRAINING) golden
