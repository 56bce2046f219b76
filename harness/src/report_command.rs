//! `leakbench report`: draws from a recording, at any time, without the subject.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_reports::draw;
use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::Format;
use leakbench_reports::report::Report;

use crate::command_line::{Error, WRONG_USE};
use crate::output_folder;
use crate::report::{say, write};
use crate::report_files::{Asked, Written, each_once, formats};

const EXAMPLES: &str = "\
Examples:
  leakbench report out                            out/report.html and out/report.png
  leakbench report out --report all --out pages   every format, in another folder
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
  csv          every look, a line each            series.csv
  openmetrics  for Prometheus and its like        metrics.txt

A report is a function of the recording: drawn again, it is the same to the byte. Drawing is no
judging: the exit code is 0 whatever the verdict, and 2 if a format could not be had; the others
are kept.";

/// What to draw, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// The folder that a run, exec, attach, compare or sweep was kept in by --out, or the recording
    /// itself
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Formats to draw, with a comma between two, or all
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',', value_parser = formats(&Format::ALL),
        default_value = "html,png", hide_possible_values = true,
    )]
    asked: Vec<Asked>,

    /// Where to keep them [default: DIR]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one format of text on standard output, and write no file
    #[arg(
        long, value_name = "FORMAT", conflicts_with_all = ["asked", "out"],
        value_parser = text_formats(),
    )]
    print: Option<Format>,

    /// Draw these charts alone, one below the other, to picture.png: names as svg's files have them
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["asked", "print"])]
    charts: Vec<String>,

    /// How large that picture is, in pixels
    #[arg(long, value_name = "WxH", requires = "charts", default_value = "640x760")]
    size: Size,
}

/// Width and height of a picture, in pixels.
#[derive(Clone, Copy, Debug)]
struct Size(u32, u32);

impl Size {
    const MAX: u32 = 10_000;
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let pixels =
            |side: &str| side.parse().ok().filter(|pixels| (100..=Size::MAX).contains(pixels));
        let sides = text
            .split_once('x')
            .and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)));
        let (width, height) = sides.ok_or_else(|| {
            format!("two numbers from 100 to {} with an x between them, such as 640x760", Size::MAX)
        })?;
        Ok(Size(width, height))
    }
}

/// Pictures are no text.
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
    /// Does it. Returns the exit code.
    ///
    /// # Errors
    /// There is no recording in the folder, or what was to be printed cannot be.
    pub(crate) fn run(&self) -> Result<ExitCode, Error> {
        let recorded = Recorded::read(&self.folder)?;
        match self.print {
            Some(format) => print(&recorded, format),
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
        let path = output_folder::keep(out, output_folder::PICTURE_FILE, &picture)?;
        write(&mut std::io::stdout(), "standard output", &format!("{}\n", path.display()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn keep(&self, recorded: &Recorded) -> Result<ExitCode, Error> {
        let out = self.out.as_deref().unwrap_or(&recorded.folder);
        let written = Written::to(out, &each_once(&self.asked, &Format::ALL), recorded, None);
        for error in &written.failed {
            say(&format!("leakbench: {error}"));
        }
        let paths = written.files.iter().map(|(_, path)| format!("{}\n", path.display()));
        write(&mut std::io::stdout(), "standard output", &paths.collect::<String>())?;
        Ok(if written.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG_USE) })
    }
}

fn print(recorded: &Recorded, format: Format) -> Result<ExitCode, Error> {
    let report = Report::of(recorded);
    let files = format
        .files(&report, recorded, None)
        .map_err(|error| Error::Draw { format: format.name(), error })?;
    let mut stdout = std::io::stdout();
    for file in files {
        write(&mut stdout, "standard output", &String::from_utf8_lossy(&file.content))?;
    }
    Ok(ExitCode::SUCCESS)
}
