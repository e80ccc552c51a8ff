//! Signal processing: the log-mel filterbank.
