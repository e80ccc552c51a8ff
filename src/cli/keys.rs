//! `diarist keys`: who may use the HTTP interface.
//!
//! Works on the database itself: whoever can write that needs no key.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::config::Settings;
use crate::db::{Db, KeyRecord};
use crate::domain::{KeyName, KeySecret, Scope};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder that the database is in
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key and print its secret, which nobody can show a second time
    Create {
        /// How people and logs call it: letters, digits and . _ @ -
        name: KeyName,
        /// What it may do: jobs:read, jobs:write, jobs:all (the jobs of every key), metrics
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            value_delimiter = ',',
            default_values_t = [Scope::JobsRead, Scope::JobsWrite]
        )]
        scopes: Vec<Scope>,
    },
    /// Print all keys: name, beginning of the secret, scopes, when made, used and revoked
    List,
    /// Make a key invalid, at once and for good; its jobs stay
    Revoke {
        /// Its name or id
        key: String,
    },
}

impl Args {
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    super::block_on(async {
        let db = super::open_database(settings).await?;
        let done = match &args.command {
            Command::Create { name, scopes } => create(&db, name, scopes).await,
            Command::List => list(&db).await,
            Command::Revoke { key } => revoke(&db, key).await,
        };
        db.close().await;
        done
    })?
}

async fn create(db: &Db, name: &KeyName, scopes: &[Scope]) -> anyhow::Result<()> {
    let secret = KeySecret::generate()?;
    let Some(id) = db.create_key(name, &secret, scopes).await? else {
        bail!("there is a key named {} already", name.as_str());
    };
    eprintln!("key {} ({id}), {}", name.as_str(), names(scopes));
    eprintln!("This is its secret; it is not kept and cannot be shown again:");
    Ok(writeln!(std::io::stdout(), "{}", secret.expose())?)
}

async fn list(db: &Db) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let header = [
        "name",
        "begins",
        "scopes",
        "created",
        "last used",
        "revoked",
        "id",
    ];
    let rows: Vec<[String; 7]> = db.keys().await?.into_iter().map(row).collect();
    let header = header.map(str::to_owned);
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = std::iter::once(&header).chain(&rows);
        cells.map(|row| row[column].len()).max().unwrap_or_default()
    });
    for row in std::iter::once(&header).chain(&rows) {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn row(key: KeyRecord) -> [String; 7] {
    let time = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let optional = |at: Option<_>| at.map_or_else(|| "-".to_owned(), time);
    [
        key.name,
        format!("{}...", key.beginning),
        names(&key.scopes),
        time(key.created_at),
        optional(key.last_used_at),
        optional(key.revoked_at),
        key.id.to_string(),
    ]
}

async fn revoke(db: &Db, key: &str) -> anyhow::Result<()> {
    if !db.revoke_key(key).await? {
        bail!("there is no valid key with the name or id {key}");
    }
    eprintln!("revoked {key}");
    Ok(())
}

fn names(scopes: &[Scope]) -> String {
    let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(",")
}
