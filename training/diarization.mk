# Measuring the whole pipeline on simulated and real conversations, with the shipped model and with
# Resemblyzer's embeddings. Included by the top Makefile after models.mk.

CONVERSATIONS := $(CACHE)/conversations
DIARIZE_SCORE = $(TRAINING) diarize-score --pipeline $(DIARIST)
DIARIZATION = $(MODEL)/measurements/diarization
# Resemblyzer's own distance between clusters, the best of `make diarization-thresholds`.
RESEMBLYZER_THRESHOLD ?= 0.2
THRESHOLD := DIARIST_CLUSTERING__THRESHOLD

$(CONVERSATIONS)/simulated/conversations.tsv: | training/.venv/installed
	$(TRAINING) simulate --output $(@D) --seed 0

$(CONVERSATIONS)/tuning/conversations.tsv: | training/.venv/installed
	$(TRAINING) simulate --output $(@D) --seed 1 --split verify --count 14 --minutes 1.5

.PHONY: diarization-thresholds
diarization-thresholds: build $(CONVERSATIONS)/tuning/conversations.tsv ## try clustering thresholds on conversations of other speakers than those reported
	$(DIARIZE_SCORE) --audio $(CONVERSATIONS)/tuning --output $(CONVERSATIONS)/sweep/model \
		--embeddings $(MODEL_STEM).int8.onnx --sweep $(THRESHOLD)=0.3,0.4,0.5,0.6,0.7
	$(DIARIZE_SCORE) --audio $(CONVERSATIONS)/tuning --output $(CONVERSATIONS)/sweep/resemblyzer \
		--embeddings resemblyzer --sweep $(THRESHOLD)=0.1,0.15,0.2,0.25,0.3

# $(1): folder of conversations, $(2): name of the report, $(3): what is scored
define score
	$(DIARIZE_SCORE) --audio $(1) --output $(CONVERSATIONS)/scored/$(2) $(3)
	cp $(CONVERSATIONS)/scored/$(2)/diarization.json $(DIARIZATION)/$(2).json
endef
# The pipeline that embeddings are compared in: windows and a dendrogram, nothing that was tuned for one
# of them.
SEED := --set DIARIST_PIPELINE__METHOD=windows --set DIARIST_CLUSTERING__METHOD=agglomerative
RESEMBLYZER := --embeddings resemblyzer --set $(THRESHOLD)=$(RESEMBLYZER_THRESHOLD) $(SEED)
REAL := $(DIARIST_SHARED)/data/conversations

.PHONY: diarization-measure
diarization-measure: build $(CONVERSATIONS)/simulated/conversations.tsv ## DER and JER of the pipeline, beside Resemblyzer's, into MODEL's measurements
	mkdir -p $(DIARIZATION)
	$(call score,$(CONVERSATIONS)/simulated,simulated-int8,--model $(MODEL_STEM).int8.onnx $(SEED))
	$(call score,$(CONVERSATIONS)/simulated,simulated-weights-int8,--model $(MODEL_STEM).weights-int8.onnx $(SEED))
	$(call score,$(CONVERSATIONS)/simulated,simulated-resemblyzer,$(RESEMBLYZER))
	$(call score,$(CONVERSATIONS)/simulated,simulated-int8-known-count,--model $(MODEL_STEM).int8.onnx --oracle-count $(SEED))
	$(call score,$(CONVERSATIONS)/simulated,simulated-resemblyzer-known-count,$(RESEMBLYZER) --oracle-count)
	$(call score,$(REAL),real-int8,--model $(MODEL_STEM).int8.onnx $(SEED))
	$(call score,$(REAL),real-weights-int8,--model $(MODEL_STEM).weights-int8.onnx $(SEED))
	$(call score,$(REAL),real-resemblyzer,$(RESEMBLYZER))

SEGMENTATION_MEASUREMENTS := models/diarist-segmentation/measurements
# $(1): folder of conversations, $(2): name of the report, $(3): what is switched off
define whole
	$(DIARIZE_SCORE) --audio $(1) --output $(CONVERSATIONS)/scored/$(2) --model $(MODEL_STEM).int8.onnx $(3)
	cp $(CONVERSATIONS)/scored/$(2)/diarization.json $(SEGMENTATION_MEASUREMENTS)/$(2).json
endef

.PHONY: segmentation-pipeline-measure
segmentation-pipeline-measure: build $(CONVERSATIONS)/simulated/conversations.tsv ## DER and JER of the pipeline as it is by default, into the segmentation model's measurements
	$(call whole,$(CONVERSATIONS)/simulated,pipeline-simulated)
	$(call whole,$(REAL),pipeline-real)

.PHONY: ablation-measure
ablation-measure: build $(CONVERSATIONS)/simulated/conversations.tsv ## the same with each step of the default pipeline switched off
	$(call whole,$(CONVERSATIONS)/simulated,without-vbx,--set DIARIST_CLUSTERING__METHOD=agglomerative)
	$(call whole,$(CONVERSATIONS)/simulated,without-guidance,--set DIARIST_PIPELINE__GUIDANCE=0)
	$(call whole,$(CONVERSATIONS)/simulated,without-cross-check,--set DIARIST_PIPELINE__CROSS_CHECK=86400)
	$(call whole,$(CONVERSATIONS)/simulated,without-overlap,--set DIARIST_PIPELINE__OVERLAP_THRESHOLD=1)
	$(call whole,$(CONVERSATIONS)/simulated,without-segmentation,--set DIARIST_PIPELINE__METHOD=windows)
	$(call whole,$(REAL),real-without-vbx,--set DIARIST_CLUSTERING__METHOD=agglomerative)
	$(call whole,$(REAL),real-without-guidance,--set DIARIST_PIPELINE__GUIDANCE=0)
	$(call whole,$(REAL),real-without-cross-check,--set DIARIST_PIPELINE__CROSS_CHECK=86400)
	$(call whole,$(REAL),real-without-overlap,--set DIARIST_PIPELINE__OVERLAP_THRESHOLD=1)
	$(call whole,$(REAL),real-without-segmentation,--set DIARIST_PIPELINE__METHOD=windows)

# $(1): folder of conversations, $(2): name of the report
define tutorial
	$(TRAINING) tutorial-diarize --audio $(1) --output $(CONVERSATIONS)/scored/$(2)
	$(TRAINING) diarize-score --audio $(1) --output $(CONVERSATIONS)/scored/$(2)
	cp $(CONVERSATIONS)/scored/$(2)/diarization.json $(DIARIZATION)/$(2).json
endef

.PHONY: tutorial-measure
tutorial-measure: $(CONVERSATIONS)/simulated/conversations.tsv ## DER and JER of what most tutorials build: Resemblyzer with spectralcluster
	mkdir -p $(DIARIZATION)
	$(call tutorial,$(CONVERSATIONS)/simulated,simulated-tutorial)
	$(call tutorial,$(REAL),real-tutorial)
