//! Names and messages that come from files, made fit to be printed: one line, of a length that a person reads.

/// Longest name in a message; converters join the names of everything they fuse.
const NAME_LENGTH: usize = 60;
/// Longest name in a table for people; JSON has them whole.
const LABEL_LENGTH: usize = 32;
/// Longest message about what is in a file.
const LINE_LENGTH: usize = 600;

/// A text without line breaks and other control characters, whatever names of a file are in it.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A name cut to a length at which a message stays readable, without control characters.
pub fn short(name: &str) -> String {
    cut(name, NAME_LENGTH)
}

/// A name cut to what fits a column of a table or beside a plot.
pub fn label(name: &str) -> String {
    cut(name, LABEL_LENGTH)
}

/// A message as one line that is not too long: what a file holds, such as a shape of a thousand dimensions, is cut in the
/// middle; what is wrong and the remedy stand at the ends.
pub fn line(message: &str) -> String {
    cut(message, LINE_LENGTH)
}

fn cut(text: &str, most: usize) -> String {
    let text: Vec<char> = clean(text).chars().collect();
    if text.len() <= most {
        return text.into_iter().collect();
    }
    let half = most / 2 - 1;
    text[..half].iter().chain(&['…']).chain(&text[text.len() - half..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_in_the_middle_and_has_no_line_breaks() {
        assert_eq!(short("conv\n1"), "conv?1");
        let long = short(&"ab".repeat(100));
        assert!(long.chars().count() < NAME_LENGTH && long.contains('…'));
        assert_eq!(line(&long), long);
        assert_eq!(label(&long).chars().count(), LABEL_LENGTH - 1);
    }
}
