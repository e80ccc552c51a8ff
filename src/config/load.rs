//! Layering the settings.
//!
//! Every value of every layer is tried on its own, so that one start names everything that is
//! wrong, each with where it was said.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::Value;
use thiserror::Error;

use super::leaf::{self, Leaf};
use super::{DEFAULTS, Settings};

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

/// The settings from all layers: `file` is `--config`, `flags` what other flags override.
///
/// # Errors
/// [`ConfigError`], which names every unknown key, wrong type and broken limit at once.
pub fn load(file: Option<&Path>, flags: Overrides) -> Result<Settings, ConfigError> {
    layer(leaf::read(file, flags)?)
}

fn layer(leaves: Vec<Leaf>) -> Result<Settings, ConfigError> {
    let mut problems = Vec::new();
    let mut accepted = Vec::new();
    for mut leaf in leaves {
        match check(&leaf, &leaf.value) {
            Ok(()) => accepted.push(leaf),
            Err(sentence) => match leaf.text.take().map(Value::from) {
                Some(text) if check(&leaf, &text).is_ok() => {
                    leaf.value = text;
                    accepted.push(leaf);
                }
                _ => problems.push(sentence),
            },
        }
    }
    loop {
        let settings = compose(&accepted)?;
        let broken = settings.validate();
        if broken.is_empty() && problems.is_empty() {
            return Ok(settings);
        }
        // A room may stop at its first broken limit: take back what it names and ask again.
        let before = accepted.len();
        for sentence in broken {
            let place = take_back(&mut accepted, &sentence);
            problems.push(place.map_or_else(|| sentence.clone(), |p| format!("{sentence} ({p})")));
        }
        if accepted.len() == before {
            return Err(ConfigError::Invalid(problems));
        }
    }
}

/// The defaults with the values of `leaves` over them.
fn compose(leaves: &[Leaf]) -> Result<Settings, ConfigError> {
    leaves
        .iter()
        .fold(Figment::from(Toml::string(DEFAULTS)), |figment, leaf| {
            figment.merge((&leaf.key, &leaf.value))
        })
        .extract()
        .map_err(|error| ConfigError::Invalid(vec![error.to_string()]))
}

/// Whether the defaults with this value alone over them have the right shape; if not, why.
fn check(leaf: &Leaf, value: &Value) -> Result<(), String> {
    Figment::from(Toml::string(DEFAULTS))
        .merge((&leaf.key, value))
        .extract::<Settings>()
        .map(drop)
        .map_err(|error| format!("{} ({})", sentence(&leaf.key, error.kind), leaf.place()))
}

/// Drops the values of the key that `sentence` begins with; gives where the last was said.
fn take_back(leaves: &mut Vec<Leaf>, sentence: &str) -> Option<String> {
    let key = sentence.split(' ').next()?;
    let place = leaves.iter().rfind(|leaf| leaf.key == key)?.place();
    leaves.retain(|leaf| leaf.key != key);
    Some(place)
}

fn sentence(key: &str, kind: Kind) -> String {
    match kind {
        Kind::UnknownField(name, known) => match nearest(&name, known) {
            Some(known) => format!("{key} does not exist; did you mean `{known}`?"),
            None => format!("{key} does not exist; known here: {}", known.join(", ")),
        },
        Kind::UnknownVariant(given, known) => {
            format!("{key} must be one of {}; given: {given}", known.join(", "))
        }
        Kind::InvalidType(given, expected) | Kind::InvalidValue(given, expected) => {
            format!("{key} must be {expected}; given: {given}")
        }
        kind => format!("{key} is wrong: {kind}"),
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
    use crate::config::leaf::Source;

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
        let settings = layer(Vec::new()).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
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
        let settings = layer(vec![leaf("data_dir", "123")]).unwrap();
        assert_eq!(settings.data_dir, Path::new("123"));
    }

    #[test]
    fn everything_wrong_is_named_at_once_with_its_place_and_limit() {
        let found = problems(vec![
            leaf("lisen", "127.0.0.1:1"),
            leaf("logs.format", "json"),
            leaf("log.format", "xml"),
            leaf("shutdown_seconds", "soon"),
            leaf("listen", "here"),
            leaf("data_dir", ""),
            leaf("log.filter", "diarist=loud"),
        ]);
        let expected = [
            "lisen does not exist; did you mean `listen`? (DIARIST_LISEN)",
            "logs.format does not exist; did you mean `log`? (DIARIST_LOGS__FORMAT)",
            "log.format must be one of text, json; given: xml (DIARIST_LOG__FORMAT)",
            "shutdown_seconds must be u64; given: string \"soon\" (DIARIST_SHUTDOWN_SECONDS)",
            "listen is wrong: invalid socket address syntax (DIARIST_LISTEN)",
            "data_dir must not be empty (DIARIST_DATA_DIR)",
        ];
        assert_eq!(found[..expected.len()], expected);
        assert!(
            found[6].starts_with("log.filter must be a level"),
            "{found:?}"
        );
        assert_eq!(found.len(), 7);
    }

    #[test]
    fn a_broken_limit_is_named_with_the_value() {
        assert_eq!(
            problems(vec![leaf("shutdown_seconds", "3601")]),
            ["shutdown_seconds must be at most 3600; given: 3601 (DIARIST_SHUTDOWN_SECONDS)"]
        );
    }

    #[test]
    fn a_name_far_from_all_others_gets_the_list() {
        assert_eq!(
            problems(vec![leaf("log.zzz", "1")]),
            ["log.zzz does not exist; known here: format, filter (DIARIST_LOG__ZZZ)"]
        );
    }
}
