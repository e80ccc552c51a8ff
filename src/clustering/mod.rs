//! Grouping embeddings by speaker.
