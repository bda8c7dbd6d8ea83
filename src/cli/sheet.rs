//! Text laid out for a terminal: labels at the left, words wrapped beside them, colours only where they are wanted.
//!
//! Control characters never reach the terminal, whatever a server or an operator said.

use crate::report::log;

/// Widths that a sheet takes; a narrower or wider terminal gets the nearest.
const WIDTHS: (usize, usize) = (40, 120);
/// The column at which everything beside a label begins.
const MARGIN: usize = 13;

/// What a word's colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// A heading.
    Bold,
    /// Of little weight.
    Dim,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Bold => Some("1"),
            Tone::Dim => Some("2"),
            Tone::Good => Some("32"),
            Tone::Warning => Some("33"),
            Tone::Bad => Some("1;31"),
        }
    }
}

/// Words that are wrapped together.
#[derive(Clone, Debug, Default)]
pub struct Words {
    words: Vec<(Tone, String)>,
    /// Whether the last one is a fact, so that a comma stands before the next.
    listing: bool,
}

impl Words {
    /// No words yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text that may be broken at its spaces.
    pub fn say(mut self, tone: Tone, text: &str) -> Self {
        self.listing = false;
        self.words.extend(clean(text).split_whitespace().map(|word| (tone, word.to_owned())));
        self
    }

    /// Adds a text that stays on one line when a line is long enough for it.
    pub fn unit(mut self, tone: Tone, text: &str) -> Self {
        self.listing = false;
        self.words.push((tone, clean(text)));
        self
    }

    /// Adds one of several facts, which commas part and which stay on one line each.
    pub fn fact(mut self, tone: Tone, text: &str) -> Self {
        if let Some((_, last)) = self.words.last_mut().filter(|_| self.listing) {
            last.push(',');
        }
        self.words.push((tone, clean(text)));
        self.listing = true;
        self
    }
}

/// Lines in the making.
#[derive(Debug)]
pub struct Sheet {
    text: String,
    width: usize,
    colours: bool,
}

impl Sheet {
    /// An empty sheet.
    pub fn new(width: usize, colours: bool) -> Self {
        Self { text: String::new(), width: width.clamp(WIDTHS.0, WIDTHS.1), colours }
    }

    /// An empty sheet for standard output: as wide as the terminal, 80 columns elsewhere, colours only on a terminal
    /// that knows them and without `NO_COLOR`.
    pub fn for_stdout() -> Self {
        let stdout = std::io::stdout();
        let width = rustix::termios::tcgetwinsize(&stdout).map_or(80, |size| usize::from(size.ws_col));
        Self::new(if width == 0 { 80 } else { width }, log::colours(&stdout))
    }

    /// The lines.
    pub fn into_text(self) -> String {
        self.text
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A line that begins at the left; what does not fit goes on at `indent`.
    pub fn line(&mut self, indent: usize, words: Words) {
        self.wrap(0, indent, words);
    }

    /// Words at the margin, the label at their left.
    pub fn entry(&mut self, label: &str, words: Words) {
        let label = format!("  {label:<room$}", room = MARGIN - 2);
        let label = if self.colours { format!("\x1b[2m{label}\x1b[0m") } else { label };
        self.text.push_str(&label);
        self.wrap(MARGIN, MARGIN, words);
    }

    /// Words that belong to the entry above.
    pub fn more(&mut self, words: Words) {
        self.entry("", words);
    }

    /// Wraps words, beginning at column `at`, which the text has reached.
    fn wrap(&mut self, at: usize, indent: usize, words: Words) {
        let mut column = at;
        let mut first = true;
        for (tone, word) in words.words {
            let long = columns(&word);
            if !first && column + 1 + long > self.width {
                self.end_line();
                self.text.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else if !first {
                self.text.push(' ');
                column += 1;
            }
            match tone.code().filter(|_| self.colours) {
                Some(code) => self.text.push_str(&format!("\x1b[{code}m{word}\x1b[0m")),
                None => self.text.push_str(&word),
            }
            column += long;
            first = false;
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }
}

/// Whether a character could move the cursor, or turn the order of what follows it.
fn meddles(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if meddles(c) { ' ' } else { c }).collect()
}

/// How many columns of a terminal a text takes: two for each character of East Asian scripts and each pictograph, none for
/// what is written over the character before it.
pub fn columns(text: &str) -> usize {
    let of = |c: char| match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
}
