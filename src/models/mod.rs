//! Embedding models and the thread that runs them.
