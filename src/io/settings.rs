//! The settings of a run of the dashboard, for those who assemble it and for those who record it.

use std::path::PathBuf;

use crate::app::keymap::Keymap;
use crate::app::model::Program;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's settings for the model.
    pub program: Program,
    /// The active bindings.
    pub keymap: Keymap,
    /// The configuration's changes to them: line, name, chords as text.
    pub keys: Vec<(usize, String, Vec<String>)>,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Whether notifications go to the desktop (OSC 9).
    pub osc9: bool,
    /// The notify command, run with the sentence as last argument; empty for none.
    pub notify_command: Vec<String>,
    /// Where to write the example configuration.
    pub config_path: PathBuf,
    /// The folder of the account locks; `None` to stream every account.
    pub locks: Option<PathBuf>,
    /// The folder for the choices made on the screen; `None` to keep none.
    pub choices: Option<PathBuf>,
}
