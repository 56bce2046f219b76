//! `leakbench report`: draws a recording, at any time, without the subject.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_reports::draw;
use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::Format;
use leakbench_reports::report::Report;

use super::format_list::{FormatWord, distinct, word_parser};
use crate::error::Error;
use crate::output::folder::{self, PICTURE_FILE};
use crate::output::{ReportFiles, open, print, print_note};
use leakbench_model::exit_code::WRONG_USE;

const EXAMPLES: &str = "\
Examples:
  leakbench report out                            out/report.html and out/report.png
  leakbench report out --report all --out pages   every format, in another folder
  leakbench report out --open                     draw the page and show it in a browser
  leakbench report out --print markdown           one format, to standard output
  leakbench report out --charts slots,lingering --size 640x760
                                                  some charts alone, as out/picture.png

Formats:
  html         one page that needs nothing else   report.html
  png          its main picture                   report.png
  svg          every chart, each by itself        charts/
  terminal     the summary, as text               summary.txt
  json         the result, for programs           result.json, comparison.json
  junit        a case for each policy             junit.xml
  markdown     a job's summary or a comment       summary.md
  github       annotations of a GitHub job        annotations.txt
  csv          every sample, a line each          series.csv
  openmetrics  for Prometheus and others          metrics.txt

The same recording always gives the same bytes. The exit code does not depend on the verdict: it is
0, or 2 if a format could not be drawn; the other formats are kept.";

/// `leakbench report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// The folder that --out of a run, exec, attach, compare or sweep named, or the recording in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Formats to draw, separated by commas, or all
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',', value_parser = word_parser(&Format::ALL),
        default_value = "html,png", hide_possible_values = true,
    )]
    words: Vec<FormatWord>,

    /// Folder to keep them in [default: DIR]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Draw the page and open it with the desktop's program (xdg-open)
    #[arg(long, conflicts_with_all = ["print", "charts"])]
    open: bool,

    /// Print one text format to standard output and write no file
    #[arg(
        long, value_name = "FORMAT", conflicts_with_all = ["words", "out"],
        value_parser = text_formats(),
    )]
    print: Option<Format>,

    /// Draw only these charts, one below the other, to picture.png; they are named as the files of svg
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["words", "print"])]
    charts: Vec<String>,

    /// Size of picture.png in pixels
    #[arg(long, value_name = "WxH", requires = "charts", default_value = "640x760")]
    size: Size,
}

/// Width and height of a picture, in pixels.
#[derive(Clone, Copy, Debug)]
struct Size(u32, u32);

impl Size {
    const MIN: u32 = 100;
    const MAX: u32 = 10_000;
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let pixels = |side: &str| {
            side.parse().ok().filter(|pixels| (Size::MIN..=Size::MAX).contains(pixels))
        };
        let sides = text
            .split_once('x')
            .and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)));
        let (width, height) = sides.ok_or_else(|| {
            format!("expected two numbers from {} to {}, as in 640x760", Size::MIN, Size::MAX)
        })?;
        Ok(Size(width, height))
    }
}

fn text_formats() -> impl TypedValueParser<Value = Format> {
    let texts = || Format::ALL.into_iter().filter(|format| !is_picture(*format));
    PossibleValuesParser::new(texts().map(Format::name)).try_map(move |name| {
        texts().find(|format| format.name() == name).ok_or("no format of text")
    })
}

fn is_picture(format: Format) -> bool {
    matches!(format, Format::Png | Format::Svg)
}

impl ReportArgs {
    /// Draws the recording. Returns 2 if a format could not be drawn.
    ///
    /// # Errors
    /// The folder has no recording, or the text cannot be printed.
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        let recorded = Recorded::read(&self.folder)?;
        match self.print {
            Some(format) => print_format(&recorded, format),
            None if self.charts.is_empty() => self.keep(&recorded),
            None => self.keep_picture(&recorded),
        }
    }

    fn keep_picture(&self, recorded: &Recorded) -> Result<ExitCode, Error> {
        let charts: Vec<&str> = self.charts.iter().map(String::as_str).collect();
        let Size(width, height) = self.size;
        let picture = draw::picture(&Report::of(recorded), &charts, width, height)
            .map_err(|error| Error::Draw { format: Format::Png.name(), error: error.into() })?;
        let out = self.out.as_deref().unwrap_or(&recorded.folder);
        let path = folder::write(out, PICTURE_FILE, &picture)?;
        print(&format!("{}\n", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn keep(&self, recorded: &Recorded) -> Result<ExitCode, Error> {
        let out = self.out.as_deref().unwrap_or(&recorded.folder);
        let mut formats = distinct(&self.words, &Format::ALL);
        if self.open && !formats.contains(&Format::Html) {
            formats.push(Format::Html);
        }
        let written = ReportFiles::write(out, &formats, recorded, None);
        for error in &written.errors {
            print_note(&format!("leakbench: {error}"));
        }
        let paths = written.files.iter().map(|(_, path)| format!("{}\n", path.display()));
        print(&paths.collect::<String>())?;
        if let Some(page) = written.page().filter(|_| self.open) {
            open(page)?;
        }
        Ok(if written.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG_USE) })
    }
}

fn print_format(recorded: &Recorded, format: Format) -> Result<ExitCode, Error> {
    let report = Report::of(recorded);
    let files = format
        .files(&report, recorded, None)
        .map_err(|error| Error::Draw { format: format.name(), error })?;
    for file in files {
        print(&String::from_utf8_lossy(&file.content))?;
    }
    Ok(ExitCode::SUCCESS)
}
