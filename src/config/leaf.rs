//! The layers above the defaults, as single values with the place they were said.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Value};

use super::load::{ConfigError, Overrides};

/// The settings file looked for in the working directory.
const FILE: &str = "diarist.toml";

/// Environment variables with our prefix that are no settings: where scripts and tests find
/// shared data.
const NOT_SETTINGS: [&str; 1] = ["SHARED"];

/// One value that some layer sets.
pub(super) struct Leaf {
    /// Dotted, as in `log.format`.
    pub(super) key: String,
    pub(super) value: Value,
    /// The same as text, for sources that know no types: an environment variable `123` may stand
    /// for a folder's name.
    pub(super) text: Option<String>,
    pub(super) source: Source,
}

pub(super) enum Source {
    File(PathBuf),
    Environment,
    Flag,
}

impl Leaf {
    /// Where the user said it, as in `DIARIST_LOG__FORMAT`.
    pub(super) fn place(&self) -> String {
        match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Environment => {
                format!("DIARIST_{}", self.key.to_uppercase().replace('.', "__"))
            }
            Source::Flag => format!("--{}", self.key.replace('_', "-")),
        }
    }
}

/// All values of all layers, the ones that win last.
pub(super) fn read(file: Option<&Path>, flags: Overrides) -> Result<Vec<Leaf>, ConfigError> {
    let mut leaves = file_leaves(file)?;
    leaves.extend(environment_leaves());
    leaves.extend(flags.into_iter().map(|(key, value)| Leaf {
        key: key.to_owned(),
        value,
        text: None,
        source: Source::Flag,
    }));
    Ok(leaves)
}

fn file_leaves(file: Option<&Path>) -> Result<Vec<Leaf>, ConfigError> {
    let path = match file {
        Some(path) => path,
        None if Path::new(FILE).exists() => Path::new(FILE),
        None => return Ok(Vec::new()),
    };
    let failed = |reason: String| ConfigError::File {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let dict: Dict = Figment::from(Toml::string(&text))
        .extract()
        .map_err(|error| failed(error.to_string()))?;
    let mut leaves = Vec::new();
    flatten(dict, "", path, &mut leaves);
    Ok(leaves)
}

fn flatten(dict: Dict, prefix: &str, path: &Path, leaves: &mut Vec<Leaf>) {
    for (name, value) in dict {
        let key = format!("{prefix}{name}");
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => {
                flatten(inner, &format!("{key}."), path, leaves);
            }
            value => leaves.push(Leaf {
                key,
                value,
                text: None,
                source: Source::File(path.to_owned()),
            }),
        }
    }
}

fn environment_leaves() -> Vec<Leaf> {
    let environment = Env::prefixed("DIARIST_").ignore(&NOT_SETTINGS).split("__");
    let mut leaves: Vec<Leaf> = environment
        .iter()
        .map(|(key, text)| Leaf {
            key: key.to_string(),
            value: text
                .parse()
                .unwrap_or_else(|never: std::convert::Infallible| match never {}),
            text: Some(text),
            source: Source::Environment,
        })
        .collect();
    leaves.sort_by(|a, b| a.key.cmp(&b.key));
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_toml_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diarist.toml");
        std::fs::write(&path, "listen = ").unwrap();
        let error = file_leaves(Some(&path)).err().unwrap().to_string();
        assert!(error.contains("diarist.toml"), "{error}");
    }

    #[test]
    fn tables_become_dotted_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diarist.toml");
        std::fs::write(&path, "listen = 'a'\n[log]\nformat = 'json'\n[empty]\n").unwrap();
        let leaves = file_leaves(Some(&path)).unwrap();
        let keys: Vec<&str> = leaves.iter().map(|leaf| leaf.key.as_str()).collect();
        assert_eq!(keys, ["empty", "listen", "log.format"]);
    }
}
