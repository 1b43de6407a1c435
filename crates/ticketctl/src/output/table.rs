//! Tables with columns as wide as their contents. Lines are cut at the width of the terminal.

use console::{measure_text_width, pad_str, style, truncate_str};

/// The space between two columns.
const GAP: &str = "  ";

/// Rows under a heading.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    heading: Vec<String>,
    /// The positions of columns of numbers.
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; those that begin with `>` are aligned to the right.
    pub(crate) fn new(heading: &[&str]) -> Self {
        let right = heading.iter().enumerate();
        let right = right.filter(|(_, name)| name.starts_with('>'));
        Self {
            right: right.map(|(place, _)| place).collect(),
            heading: heading
                .iter()
                .map(|name| name.trim_start_matches('>').to_owned())
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines of the table, cut at this width.
    pub(crate) fn to_text(&self, width: usize) -> String {
        let widths: Vec<_> = (0..self.heading.len())
            .map(|column| self.width(column))
            .collect();
        let heading = self
            .heading
            .iter()
            .map(|name| style(name).dim().to_string());
        let mut text = self.line(&heading.collect::<Vec<_>>(), &widths, width);
        for row in &self.rows {
            text.push_str(&self.line(row, &widths, width));
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let cells = cells.chain(self.heading.get(column));
        cells
            .map(|cell| measure_text_width(cell))
            .max()
            .unwrap_or(0)
    }

    fn line(&self, cells: &[String], widths: &[usize], width: usize) -> String {
        let padded = cells.iter().zip(widths).enumerate();
        let padded: Vec<_> = padded
            .map(|(place, (cell, width))| {
                let alignment = if self.right.contains(&place) {
                    console::Alignment::Right
                } else {
                    console::Alignment::Left
                };
                pad_str(cell, *width, alignment, None)
            })
            .collect();
        let line = padded.join(GAP);
        format!("{}\n", truncate_str(line.trim_end(), width, "…"))
    }
}

/// The text in lines of at most this width, broken between words. The first begins with `prefix`, and the others are
/// indented by its width.
pub(crate) fn lines(prefix: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(measure_text_width(prefix));
    let mut lines = Vec::new();
    let mut line = prefix.to_owned();
    let mut has_words = false;
    for word in text.split_whitespace() {
        let with_word = measure_text_width(&line) + 1 + measure_text_width(word);
        if has_words && with_word > width {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            has_words = false;
        }
        if has_words {
            line.push(' ');
        }
        line.push_str(word);
        has_words = true;
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", ">EVENTS", "STATE"]);
        table.row(["orders".to_owned(), "7".to_owned(), "ready".to_owned()]);
        table.row([
            "expiration".to_owned(),
            "1200".to_owned(),
            "not ready".to_owned(),
        ]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_contents() {
        let expected = "\
NAME        EVENTS  STATE
orders           7  ready
expiration    1200  not ready
";
        assert_eq!(table().to_text(usize::MAX), expected);
    }

    #[test]
    fn lines_are_cut_at_the_width_of_the_terminal() {
        let text = table().to_text(22);
        assert!(
            text.lines().all(|line| measure_text_width(line) <= 22),
            "{text}"
        );
        assert!(text.contains("expiration    1200  n…"), "{text}");
    }

    #[test]
    fn text_is_broken_between_words() {
        let broken = lines("- ", "one two three four", 9);
        assert_eq!(broken, "- one two\n  three\n  four");
        assert_eq!(lines("", "unbreakable", 3), "unbreakable");
    }
}
