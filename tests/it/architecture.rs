//! The dependency rule of ARCHITECTURE.md, checked on the source's own tokens.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Which rooms a room may use. Rooms below the line that uses them never use it back.
const ROOMS: [(&str, &[&str]); 20] = [
    ("domain", &[]),
    ("audio", &["domain"]),
    ("dsp", &["domain"]),
    ("evaluation", &["domain"]),
    ("formats", &["domain"]),
    ("words", &["domain", "formats"]),
    ("storage", &["domain"]),
    ("db", &["domain"]),
    ("clustering", &["domain"]),
    ("voices", &["domain", "clustering", "evaluation"]),
    ("speech", &["domain"]),
    ("models", &["domain", "dsp"]),
    ("outbound", &[]),
    (
        "pipeline",
        &["domain", "audio", "dsp", "speech", "models", "clustering"],
    ),
    (
        "jobs",
        &[
            "domain",
            "audio",
            "clustering",
            "models",
            "outbound",
            "pipeline",
            "storage",
            "db",
            "formats",
            "evaluation",
            "voices",
        ],
    ),
    ("telemetry", &[]),
    (
        "http",
        &[
            "domain",
            "db",
            "storage",
            "formats",
            "evaluation",
            "jobs",
            "telemetry",
            "outbound",
            "words",
            "voices",
        ],
    ),
    ("shutdown", &[]),
    (
        "config",
        &[
            "audio",
            "clustering",
            "db",
            "http",
            "jobs",
            "models",
            "outbound",
            "pipeline",
            "speech",
            "storage",
            "telemetry",
            "voices",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "audio",
            "dsp",
            "evaluation",
            "formats",
            "words",
            "voices",
            "storage",
            "db",
            "clustering",
            "speech",
            "models",
            "outbound",
            "pipeline",
            "jobs",
            "http",
            "telemetry",
            "shutdown",
            "config",
        ],
    ),
];

/// Libraries that stay behind one room's doors: the paths below `src/` that may name them.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("aead_stream", &["storage/"]),
    ("anyhow", &["cli/"]),
    ("apalis", &["db/", "jobs/"]),
    ("apalis_sqlite", &["db/", "jobs/"]),
    ("axum", &["http/"]),
    ("base64", &["http/", "storage/", "voices/"]),
    ("chacha20poly1305", &["storage/"]),
    ("clap", &["cli/", "config/"]),
    ("csv", &["formats/"]),
    ("earshot", &["speech/"]),
    ("figment", &["config/"]),
    ("hdbscan", &["clustering/"]),
    ("hmac", &["http/"]),
    ("http_body", &["http/"]),
    ("indicatif", &["cli/"]),
    ("ipnet", &["http/", "outbound/"]),
    ("kodama", &["clustering/"]),
    ("object_store", &["storage/"]),
    ("opentelemetry", &["telemetry/"]),
    ("opentelemetry_http", &["telemetry/"]),
    ("opentelemetry_otlp", &["telemetry/"]),
    ("opentelemetry_sdk", &["telemetry/"]),
    ("ort", &["models/onnx"]),
    ("quick_xml", &["formats/"]),
    ("realfft", &["dsp/"]),
    ("reqwest", &["outbound/"]),
    ("rubato", &["audio/"]),
    ("rustls", &["outbound/"]),
    ("rusty_aac", &["audio/"]),
    ("sqlx", &["db/", "jobs/"]),
    ("symphonia", &["audio/"]),
    ("symphonia_adapter_libopus", &["audio/"]),
    ("tower_http", &["http/"]),
    ("tracing_opentelemetry", &["telemetry/"]),
    ("utoipa", &["http/"]),
    ("webpki_roots", &["outbound/"]),
];

/// A path in the source: the file below `src/`, the line, and the first name after `crate::`, or
/// the name of an outside crate.
#[derive(Debug)]
struct Mention {
    line: usize,
    inside: bool,
    name: String,
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut violations = Vec::new();
    for (file, mentions) in sources() {
        let Some(room) = room_of(&file) else { continue };
        let Some(allowed) = allowed.get(room) else {
            violations.push(format!("{file}: room `{room}` is not in the table"));
            continue;
        };
        for mention in mentions.iter().filter(|mention| mention.inside) {
            let name = mention.name.as_str();
            if name != room && !allowed.contains(&name) {
                let line = mention.line;
                violations.push(format!("src/{file}:{line}: `{room}` uses `{name}`"));
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn libraries_stay_behind_their_rooms_doors() {
    let mut violations = Vec::new();
    for (file, mentions) in sources() {
        for mention in mentions.iter().filter(|mention| !mention.inside) {
            let home = LIBRARIES
                .iter()
                .find(|(library, _)| *library == mention.name);
            if let Some((library, homes)) = home
                && !homes.iter().any(|home| file.starts_with(home))
            {
                let line = mention.line;
                violations.push(format!("src/{file}:{line}: `{library}` is for {homes:?}"));
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn the_table_has_no_circles() {
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for name in *allowed {
            let below = ROOMS[..index].iter().any(|(earlier, _)| earlier == name);
            assert!(below, "`{room}` may use `{name}`, which stands after it");
        }
    }
}

#[test]
fn mentions_are_found_in_every_form_and_not_in_comments() {
    let source = r#"
        //! crate::comment
        use crate::{audio::Limits, domain};
        use crate::dsp;
        fn f() -> crate::models::Metadata { println!("crate::string {}", crate::db::X); ort::init() }
        use sqlx as database;
        fn local(x: X) { x.axum(); http::axum::y(); }
    "#;
    let found: Vec<(bool, String)> = mentions(source.parse().unwrap())
        .into_iter()
        .map(|mention| (mention.inside, mention.name))
        .collect();
    let has = |inside: bool, name: &str| found.contains(&(inside, name.to_owned()));
    for room in ["audio", "domain", "dsp", "models", "db"] {
        assert!(has(true, room), "{room} not found in {found:?}");
    }
    assert!(has(false, "ort") && has(false, "sqlx"), "{found:?}");
    for name in ["comment", "string", "Limits"] {
        assert!(!has(true, name), "{name} found in {found:?}");
    }
    assert!(!has(false, "axum"), "{found:?}");
}

/// The room that a file below `src/` belongs to; none for the crate's own two roots.
fn room_of(file: &str) -> Option<&str> {
    let room = file.split('/').next()?.trim_end_matches(".rs");
    (room != "lib" && room != "main").then_some(room)
}

fn sources() -> Vec<(String, Vec<Mention>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "only {} source files found", files.len());
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let tokens = text
                .parse()
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
            (file.replace('\\', "/"), mentions(tokens))
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Everything of the form `crate::name`, `crate::{name, ...}`, `name::` and `use name`.
fn mentions(tokens: TokenStream) -> Vec<Mention> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => found.extend(mentions(group.stream())),
            TokenTree::Ident(ident) => {
                let line = ident.span().start().line;
                let starts_path = index == 0 || !is_separator(&tokens[index - 1]);
                let opens = tokens.get(index + 1).is_some_and(is_separator);
                let used =
                    index > 0 && matches!(&tokens[index - 1], TokenTree::Ident(k) if k == "use");
                if ident == "crate" && opens {
                    let names = tokens.get(index + 3).map(heads).unwrap_or_default();
                    found.extend(names.into_iter().map(|name| Mention {
                        line,
                        inside: true,
                        name,
                    }));
                } else if starts_path && (opens || used) {
                    found.push(Mention {
                        line,
                        inside: false,
                        name: ident.to_string(),
                    });
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found
}

/// Half of `::`, or the dot of a method call.
fn is_separator(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' || punct.as_char() == '.')
}

/// The names that may follow `crate::`: one, or the first of each path in a group.
fn heads(token: &TokenTree) -> Vec<String> {
    match token {
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            let mut names = Vec::new();
            let mut at_start = true;
            for token in group.stream() {
                match token {
                    TokenTree::Ident(ident) if at_start => {
                        names.push(ident.to_string());
                        at_start = false;
                    }
                    TokenTree::Punct(punct) if punct.as_char() == ',' => at_start = true,
                    _ => {}
                }
            }
            names
        }
        _ => Vec::new(),
    }
}
