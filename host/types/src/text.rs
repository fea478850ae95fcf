/// Longest word of a stranger's in a message, in characters: enough for its author to know it again.
const LONGEST: usize = 64;

/// A word that a stranger gave, short and safe to show in a message.
pub fn shown(word: &str) -> String {
    word.chars().take(LONGEST).flat_map(char::escape_default).collect()
}

/// Is it there without being seen: a control, a mark of direction, or what joins or tags others?
pub fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}
