//! Finding ONNX Runtime and the shipped model from wherever the program was started.

use std::path::{Path, PathBuf};

use super::ModelError;

/// The environment variable that names the library, as other programs on `ort` read it.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where `scripts/fetch-onnxruntime.sh` puts libraries below the checkout; the first wins.
const LIBRARY_CACHES: [&str; 2] = [".cache/onnxruntime/gpu", ".cache/onnxruntime/cpu"];

/// What the library's file name begins with.
const LIBRARY_PREFIX: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else {
    "libonnxruntime."
};

/// ONNX Runtime's shared library: by setting, by `ORT_DYLIB_PATH`, beside the executable, in
/// `../lib` from there, or in the cache of the checkout that the executable lies in.
pub(super) fn library(setting: Option<&Path>) -> Result<PathBuf, ModelError> {
    if let Some(path) = setting {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let mut searched = Vec::new();
    if let Some(folder) = executable_folder() {
        searched.push(folder.clone());
        searched.push(folder.join("../lib"));
    }
    for root in roots() {
        searched.extend(LIBRARY_CACHES.map(|cache| root.join(cache)));
    }
    let found = searched.iter().find_map(|folder| library_in(folder));
    found.ok_or(ModelError::NoLibrary { searched })
}

/// The file `models/{name}/{name}.{form}.onnx`: below the folder of the executable or any folder
/// above it, or below `../share/diarist`.
pub(super) fn shipped_model(name: &str, form: &str) -> Result<PathBuf, ModelError> {
    shipped_file(name, &format!("{name}.{form}.onnx"))
}

/// The file `models/{name}/{file}`, in the same places.
pub(super) fn shipped_file(name: &str, file: &str) -> Result<PathBuf, ModelError> {
    let file = PathBuf::from(format!("models/{name}/{file}"));
    let installed = executable_folder().map(|folder| folder.join("../share/diarist"));
    let searched: Vec<PathBuf> = roots().into_iter().chain(installed).collect();
    let found = searched.iter().map(|root| root.join(&file));
    match found.into_iter().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => Err(ModelError::NoModel { file, searched }),
    }
}

/// The library in `folder`, whichever version: of several the last by name.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(LIBRARY_PREFIX))
        .collect();
    names.sort();
    names.pop().map(|name| folder.join(name))
}

/// The executable's folder and all above it; then the checkout that the program was built from,
/// for builds whose target folder lies elsewhere.
fn roots() -> Vec<PathBuf> {
    let executable = executable_folder().unwrap_or_default();
    let above = executable.ancestors().filter(|a| !a.as_os_str().is_empty());
    above
        .map(Path::to_owned)
        .chain([PathBuf::from(env!("CARGO_MANIFEST_DIR"))])
        .collect()
}

fn executable_folder() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let executable = executable.canonicalize().unwrap_or(executable);
    executable.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_library_of_a_folder_is_taken_and_providers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "libonnxruntime.so.1.30.0",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime_providers_shared.so",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = library_in(folder.path()).unwrap();
        assert!(found.ends_with("libonnxruntime.so.1.31.1"), "{found:?}");
        assert_eq!(library_in(&folder.path().join("none")), None);
    }

    #[test]
    fn a_missing_model_is_named_with_the_places_looked_in() {
        let message = shipped_model("nobody", "int8").unwrap_err().to_string();
        assert!(
            message.contains("models/nobody/nobody.int8.onnx"),
            "{message}"
        );
        assert!(message.contains(env!("CARGO_MANIFEST_DIR")), "{message}");
    }
}
