"""Speaker embedding of a 16 kHz WAV file by sherpa-onnx: prints its values, one line each.

python tests/oracle/sherpa_embedding.py MODEL.onnx AUDIO.wav
"""

import sys
import wave

import numpy as np
import sherpa_onnx

model, path = sys.argv[1:]
with wave.open(path) as audio:
    assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (16000, 1, 2)
    samples = np.frombuffer(audio.readframes(audio.getnframes()), "<i2").astype(np.float32) / 32768
config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=model, num_threads=1, provider="cpu")
extractor = sherpa_onnx.SpeakerEmbeddingExtractor(config)
stream = extractor.create_stream()
stream.accept_waveform(16000, samples)
stream.input_finished()
assert extractor.is_ready(stream)
print("\n".join(f"{value:.9g}" for value in extractor.compute(stream)))
