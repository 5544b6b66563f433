//! What needs no server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Files;
use crate::bmc::sol::args::EscapeCharacter;

/// `ironhand read`.
#[derive(Args)]
pub struct Read {
    /// PNG or JPEG files
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// Print what is known of each character, as JSON
    #[arg(long)]
    pub json: bool,
    /// Write one NAME.txt for each NAME.png into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Fonts beside the built-in ones.
    #[command(flatten)]
    pub fonts: Fonts,
    /// Read what no font draws with the networks of this folder: det.onnx, rec.onnx and keys.txt, or the models of a rapidocr-onnxruntime package
    #[cfg(feature = "recogniser")]
    #[arg(long, value_name = "DIR", env = "IRONHAND_RECOGNISER")]
    pub recogniser: Option<PathBuf>,
}

/// Fonts for pictures of screens.
#[derive(Args, Default)]
pub struct Fonts {
    /// Also read with the fonts of this folder: PSF files, and those of `console learn`
    #[arg(long = "fonts", value_name = "DIR", env = "IRONHAND_FONTS")]
    pub folder: Option<PathBuf>,
}

/// `ironhand console learn`.
#[derive(Args)]
pub struct Learn {
    /// A picture (PNG, as the machine sent it) of a screen in the font
    pub image: PathBuf,
    /// What stands on it: a line for each row from the first on, blank ones too
    pub text: PathBuf,
    /// The name of the font, and of its file; more screens of a font are added under the same name [default: the picture's name]
    #[arg(long)]
    pub name: Option<String>,
    /// The folder for the font: a server reads `fonts` in its data directory, `read` and `match` the one of their --fonts
    #[arg(long, value_name = "DIR", env = "IRONHAND_FONTS", default_value = "fonts")]
    pub fonts: PathBuf,
}

/// `ironhand match`.
#[derive(Args)]
pub struct Match {
    /// A picture (PNG, JPEG) or a text file of a screen
    pub screen: PathBuf,
    /// The flows.
    #[command(flatten)]
    pub flows: Files,
    /// Fonts beside the built-in ones.
    #[command(flatten)]
    pub fonts: Fonts,
}

/// `ironhand import`.
#[derive(Subcommand)]
pub enum ImportCommand {
    /// Credentials, devices, actions and rules of Vaxiin, as its command line reads them
    Vaxiin(Import),
}

/// `ironhand import vaxiin`.
#[derive(Args)]
pub struct Import {
    /// Files and folders of YAML and JSON
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The folder for the manifests, new or empty; passwords become files in its folder `secrets`
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `ironhand flow`.
#[derive(Subcommand)]
pub enum FlowCommand {
    /// Run the flows' own examples, without a server
    Test(Files),
    /// Do a recovery by hand on a host's screen, and get the draft of a flow that does the same
    Record(RecordFlow),
}

/// `ironhand flow record`.
#[derive(Args)]
pub struct RecordFlow {
    /// The host whose screen and keyboard are used
    #[arg(required_unless_present = "from")]
    pub host: Option<String>,
    /// Draft from a recording that was made before: HOST/NUMBER, as `ironhand recordings` shows it
    #[arg(long, value_name = "RECORDING", conflicts_with_all = ["host", "take_over", "record_typed"])]
    pub from: Option<String>,
    /// The name of the flow [default: from the words on the screen]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The file to write, which must not be there; pictures are written beside it [default: NAME.yaml]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take the console from whoever has it
    #[arg(long)]
    pub take_over: bool,
    /// Record what is typed, beside secrets, in place of stars: the draft then has it, too
    #[arg(long)]
    pub record_typed: bool,
    /// The character that begins a command to this program at the start of a line; none for no such character
    #[arg(long, default_value = "~", value_name = "CHARACTER")]
    pub escape: EscapeCharacter,
}
