use super::Glob;

impl Glob {
    /// Does this pattern match everything that `other` matches?
    pub fn contains(&self, other: &Self) -> bool {
        self.tokens == other.tokens
    }
}
