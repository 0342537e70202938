//! Short texts that people write and read: names and reasons.

/// Returns the rule that `text` breaks, if it breaks one: 1 to `max_chars` characters without control characters, of which at
/// least one is visible.
///
/// A text of spaces or invisible characters alone would look empty wherever it is displayed. Invisible characters beside
/// visible ones are allowed, because emoji, Arabic, Persian and Indic texts need them.
pub fn violation(text: &str, max_chars: usize) -> Option<String> {
    let length = text.chars().count();
    if !(1..=max_chars).contains(&length) {
        return Some(format!("must be 1 to {max_chars} characters"));
    }
    if text.chars().any(char::is_control) {
        return Some("must not contain control characters, such as line breaks".to_owned());
    }
    if !text.chars().any(is_visible) {
        return Some("must contain a visible character".to_owned());
    }
    None
}

/// Whether the character is displayed: neither white space nor one of Unicode's `Default_Ignorable_Code_Point`s, which include
/// zero-width characters and the controls of writing direction. U+2800 is a braille pattern without dots.
fn is_visible(character: char) -> bool {
    let is_ignorable = matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    !character.is_whitespace() && !is_ignorable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_needs_a_visible_character() {
        for text in ["Milk", " Milk ", "\u{200f}חלב", "👩\u{200d}🌾", "x"] {
            assert_eq!(violation(text, 200), None, "{text:?}");
        }
        for text in [
            " ",
            "\u{a0}\u{3000}",
            "\u{200b}",
            "\u{202e}\u{2066}",
            "\u{feff} \u{2800}",
        ] {
            assert!(violation(text, 200).is_some(), "{text:?} was accepted");
        }
    }

    #[test]
    fn text_rejects_control_characters_and_wrong_lengths() {
        for text in ["a\nb", "a\0", "\u{85}x", "a\u{7f}", "", "xxxx"] {
            assert!(violation(text, 3).is_some(), "{text:?} was accepted");
        }
        assert_eq!(violation("äöü", 3), None);
        assert_eq!(violation("xxxx", 3).unwrap(), "must be 1 to 3 characters");
    }
}
