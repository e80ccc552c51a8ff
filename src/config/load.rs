//! Reading and layering the settings.
//!
//! Every value of every layer is tried on its own against the settings so far, so that one start
//! names everything that is wrong, each with where it was said.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Value};
use thiserror::Error;

use super::{DEFAULTS, Settings};

/// The settings file looked for in the working directory.
const FILE: &str = "diarist.toml";

/// Environment variables with our prefix that are no settings: where scripts and tests find
/// shared data.
const NOT_SETTINGS: [&str; 1] = ["SHARED"];

/// Suggest a name only when it is this close (1 is equal).
const LEAST_SIMILARITY: f64 = 0.7;

/// What flags override: `(key, value)`, keys dotted as in `log.format`.
pub type Overrides = Vec<(&'static str, Value)>;

/// Settings the program cannot start with.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read or is no TOML.
    #[error("cannot read the settings file {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// Values that are wrong, all of them.
    #[error("{}", list(.0))]
    Invalid(Vec<String>),
}

fn list(problems: &[String]) -> String {
    let noun = if problems.len() == 1 {
        "setting is"
    } else {
        "settings are"
    };
    format!(
        "{} {noun} wrong:\n  - {}",
        problems.len(),
        problems.join("\n  - ")
    )
}

/// One value that some layer sets.
struct Leaf {
    key: String,
    value: Value,
    /// The same as text, for sources that know no types: an environment variable `123` may stand
    /// for a folder's name.
    text: Option<String>,
    source: Source,
}

enum Source {
    File(PathBuf),
    Environment,
    Flag,
}

impl Leaf {
    /// How the user knows this value, as in `log.format (DIARIST_LOG__FORMAT)`.
    fn place(&self) -> impl fmt::Display {
        let key = &self.key;
        match &self.source {
            Source::File(path) => format!("{key} ({})", path.display()),
            Source::Environment => {
                format!("{key} (DIARIST_{})", key.to_uppercase().replace('.', "__"))
            }
            Source::Flag => format!("{key} (--{})", key.replace('_', "-")),
        }
    }
}

/// The settings from all layers: `file` is `--config`, `flags` what other flags override.
///
/// # Errors
/// [`ConfigError`], which names every unknown key, wrong type and broken limit at once.
pub fn load(file: Option<&Path>, flags: Overrides) -> Result<Settings, ConfigError> {
    let mut leaves = file_leaves(file)?;
    leaves.extend(environment_leaves());
    leaves.extend(flags.into_iter().map(|(key, value)| Leaf {
        key: key.to_owned(),
        value,
        text: None,
        source: Source::Flag,
    }));
    layer(leaves)
}

fn layer(leaves: Vec<Leaf>) -> Result<Settings, ConfigError> {
    let mut figment = Figment::from(Toml::string(DEFAULTS));
    let mut problems = Vec::new();
    for leaf in leaves {
        let typed = figment.clone().merge((&leaf.key, &leaf.value));
        let as_text = |text: &String| figment.clone().merge((&leaf.key, text));
        match typed.extract::<Settings>() {
            Ok(_) => figment = typed,
            Err(error) => match leaf.text.as_ref().map(as_text) {
                Some(text) if text.extract::<Settings>().is_ok() => figment = text,
                _ => problems.push(sentence(&leaf, error)),
            },
        }
    }
    let settings: Settings = figment
        .extract()
        .map_err(|error| ConfigError::Invalid(vec![error.to_string()]))?;
    problems.extend(settings.validate());
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(ConfigError::Invalid(problems))
    }
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

fn sentence(leaf: &Leaf, error: figment::Error) -> String {
    let place = leaf.place();
    match error.kind {
        Kind::UnknownField(name, known) => match nearest(&name, known) {
            Some(known) => format!("{place} does not exist; did you mean `{known}`?"),
            None => format!("{place} does not exist; known here: {}", known.join(", ")),
        },
        Kind::UnknownVariant(given, known) => {
            format!(
                "{place} must be one of {}; given: {given}",
                known.join(", ")
            )
        }
        Kind::InvalidType(given, expected) | Kind::InvalidValue(given, expected) => {
            format!("{place} must be {expected}; given: {given}")
        }
        kind => format!("{place} is wrong: {kind}"),
    }
}

fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), *known))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(key: &str, text: &str) -> Leaf {
        Leaf {
            key: key.to_owned(),
            value: text.parse().unwrap(),
            text: Some(text.to_owned()),
            source: Source::Environment,
        }
    }

    fn problems(leaves: Vec<Leaf>) -> Vec<String> {
        match layer(leaves) {
            Err(ConfigError::Invalid(problems)) => problems,
            other => panic!("settings passed: {other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(
            layer(Vec::new()).unwrap().listen.to_string(),
            "127.0.0.1:8080"
        );
    }

    #[test]
    fn a_later_layer_wins() {
        let settings = layer(vec![
            leaf("listen", "127.0.0.1:1"),
            leaf("listen", "[::1]:2"),
            leaf("log.format", "json"),
        ])
        .unwrap();
        assert_eq!(settings.listen.to_string(), "[::1]:2");
        assert_eq!(settings.log.format, crate::telemetry::LogFormat::Json);
    }

    #[test]
    fn a_folder_may_be_called_by_a_number() {
        assert_eq!(
            layer(vec![leaf("data_dir", "123")]).unwrap().data_dir,
            Path::new("123")
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once_with_its_source_and_limit() {
        let found = problems(vec![
            leaf("lisen", "127.0.0.1:1"),
            leaf("logs.format", "json"),
            leaf("log.format", "xml"),
            leaf("shutdown_seconds", "soon"),
            leaf("listen", "here"),
            leaf("data_dir", ""),
        ]);
        assert_eq!(
            found,
            [
                "lisen (DIARIST_LISEN) does not exist; did you mean `listen`?",
                "logs.format (DIARIST_LOGS__FORMAT) does not exist; did you mean `log`?",
                "log.format (DIARIST_LOG__FORMAT) must be one of text, json; given: xml",
                "shutdown_seconds (DIARIST_SHUTDOWN_SECONDS) must be u64; given: string \"soon\"",
                "listen (DIARIST_LISTEN) is wrong: invalid socket address syntax",
                "data_dir must not be empty",
            ]
        );
    }

    #[test]
    fn a_broken_limit_is_named_with_the_value() {
        assert_eq!(
            problems(vec![leaf("shutdown_seconds", "3601")]),
            ["shutdown_seconds must be at most 3600; given: 3601"]
        );
    }

    #[test]
    fn a_name_far_from_all_others_gets_the_list() {
        let found = problems(vec![leaf("log.zzz", "1")]);
        assert_eq!(
            found,
            ["log.zzz (DIARIST_LOG__ZZZ) does not exist; known here: format, filter"]
        );
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diarist.toml");
        std::fs::write(&path, "listen = ").unwrap();
        let error = file_leaves(Some(&path)).err().unwrap().to_string();
        assert!(error.contains("diarist.toml"), "{error}");
    }
}
