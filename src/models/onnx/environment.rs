//! ONNX Runtime itself, loaded once in a process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::models::ModelError;

/// The process's environment, and the library it came from.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Loads ONNX Runtime from `library`; later calls get what the first one loaded.
///
/// Nothing is sent to anybody: telemetry is off. ONNX Runtime's own log goes to `tracing`, from
/// warnings up.
pub(super) fn environment(library: &Path) -> Result<Environment, ModelError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, environment)) = loaded.as_ref() {
        if path != library {
            tracing::warn!(
                loaded = %path.display(), asked = %library.display(),
                "ONNX Runtime is loaded already and stays"
            );
        }
        return Ok(environment.clone());
    }
    let failed = |reason: String| ModelError::Library {
        path: library.to_owned(),
        reason,
    };
    let environment = ort::init_from(library)
        .map_err(|error| failed(error.to_string()))?
        .with_name("diarist")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    environment.set_log_level(LogLevel::Warning);
    *loaded = Some((library.to_owned(), environment.clone()));
    Ok(environment)
}
