//! What needs no server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Files;

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

/// `ironhand flow`.
#[derive(Subcommand)]
pub enum FlowCommand {
    /// Run the flows' own examples
    Test(Files),
}
