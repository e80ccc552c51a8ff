//! A progress bar for people who wait.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::domain::{Cancelled, ProgressHook, Step};

/// Steps of the bar: enough that each is smaller than a character.
const LENGTH: u64 = 1000;

/// How far one file is, on standard error; silent unless that is a terminal.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(file: &Path) -> Self {
        let bar = ProgressBar::new(LENGTH);
        // A template that does not parse would show up in every test; the bar goes without.
        if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(file.display().to_string());
        Self(bar)
    }

    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}

impl ProgressHook for Bar {
    fn progress(&self, step: Step, fraction: Option<f32>) -> Result<(), Cancelled> {
        self.0.set_message(step.as_str());
        match fraction {
            Some(fraction) => self.0.set_position((fraction * LENGTH as f32) as u64),
            None => self.0.tick(),
        }
        Ok(())
    }
}
