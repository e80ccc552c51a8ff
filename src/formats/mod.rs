//! Text and array formats: RTTM, UEM, SRT, WebVTT, JSON, NPY.
