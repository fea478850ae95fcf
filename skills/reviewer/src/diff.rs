//! Unified diffs, as `git diff` and `diff -u` print them, file by file.
//!
//! Promises that no line of a file's content is taken for the beginning of another file: hunks are as long as their headers
//! say. Every line of the new file carries its number, because models count badly. Costs one pass.

use std::fmt::Write as _;

/// A diff of at least one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Diff {
    /// In the order of the diff.
    pub(crate) files: Vec<File>,
}

/// What changed in one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    /// Its new path; of a deleted file the old one.
    pub(crate) path: String,
    /// Its part of the diff, with line numbers.
    pub(crate) text: String,
}

/// Why something is no unified diff.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    /// There is no file's header in it.
    #[error("it names no file")]
    NoFile,
    /// A hunk stands outside of a file, or its header makes no sense.
    #[error("line {line}: a hunk has a header such as `@@ -1,2 +3,4 @@`, below that of a file")]
    Hunk { line: usize },
    /// A hunk is shorter or longer than its header says.
    #[error("line {line}: the hunk ends too soon")]
    Short { line: usize },
}

impl Diff {
    /// Reads a diff. What stands before its first file, as the words of a mail, is left out.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = Reader::default();
        let mut lines = 0;
        for line in text.lines() {
            lines += 1;
            reader.take(line, lines)?;
        }
        if reader.hunk.is_some_and(|hunk| !hunk.is_over()) {
            return Err(Error::Short { line: lines });
        }
        let files: Vec<File> = reader.files.into_iter().filter(|file| !file.path.is_empty()).collect();
        if files.is_empty() { Err(Error::NoFile) } else { Ok(Self { files }) }
    }
}

#[derive(Default)]
struct Reader {
    files: Vec<File>,
    hunk: Option<Hunk>,
}

/// Lines of a hunk that are still to come.
#[derive(Clone, Copy)]
struct Hunk {
    old: u32,
    new: u32,
    /// The number of the next line of the new file.
    next: u32,
}

impl Hunk {
    /// Reads `@@ -1,2 +3,4 @@`; a count that is left out is 1.
    fn parse(line: &str) -> Option<Self> {
        let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
        let (old, new) = ranges.split_once(" +")?;
        let range = |text: &str| -> Option<(u32, u32)> {
            let (start, count) = text.split_once(',').unwrap_or((text, "1"));
            Some((start.parse().ok()?, count.parse().ok()?))
        };
        let ((_, old), (next, new)) = (range(old)?, range(new)?);
        next.checked_add(new)?;
        Some(Self { old, new, next })
    }

    fn is_over(self) -> bool {
        self.old == 0 && self.new == 0
    }
}

impl Reader {
    fn take(&mut self, line: &str, number: usize) -> Result<(), Error> {
        match self.hunk {
            // "\ No newline at end of file" belongs to no count.
            Some(mut hunk) if !hunk.is_over() && !line.starts_with('\\') => {
                self.content(&mut hunk, line).ok_or(Error::Short { line: number })?;
                self.hunk = Some(hunk);
                Ok(())
            }
            _ => self.header(line, number),
        }
    }

    /// None: the hunk has no such line any more.
    fn content(&mut self, hunk: &mut Hunk, line: &str) -> Option<()> {
        // Some mailers cut the blank off an empty line.
        let kind = line.bytes().next().unwrap_or(b' ');
        if !matches!(kind, b' ' | b'-' | b'+') {
            return None;
        }
        if kind != b'+' {
            hunk.old = hunk.old.checked_sub(1)?;
        }
        if kind == b'-' {
            self.write(format_args!("       {line}"));
            return Some(());
        }
        self.write(format_args!("{:>6} {line}", hunk.next));
        hunk.new = hunk.new.checked_sub(1)?;
        hunk.next += 1;
        Some(())
    }

    fn header(&mut self, line: &str, number: usize) -> Result<(), Error> {
        if let Some(paths) = line.strip_prefix("diff --git ") {
            // What a rename or a binary file has for a path; `+++` knows better.
            let path = paths.rsplit_once(" b/").map_or(paths, |(_, path)| path);
            self.begin(path.to_owned());
        } else if let Some(old) = line.strip_prefix("--- ") {
            // Without git, this is how a file begins.
            if self.hunk.is_some() || self.files.is_empty() {
                self.begin(String::new());
            }
            self.name(old, "a/");
        } else if let Some(new) = line.strip_prefix("+++ ") {
            self.name(new, "b/");
        } else if line.starts_with("@@") {
            let named = self.files.last().is_some_and(|file| !file.path.is_empty());
            let hunk = Hunk::parse(line).filter(|_| named).ok_or(Error::Hunk { line: number })?;
            self.hunk = Some(hunk);
        }
        self.write(format_args!("{line}"));
        Ok(())
    }

    fn begin(&mut self, path: String) {
        self.files.push(File { path, text: String::new() });
        self.hunk = None;
    }

    /// Names the last file; `diff -u` sets the time behind a tab.
    fn name(&mut self, path: &str, prefix: &str) {
        let path = path.split_once('\t').map_or(path, |(path, _)| path).trim_end();
        let path = path.strip_prefix(prefix).unwrap_or(path);
        if path != "/dev/null"
            && let Some(file) = self.files.last_mut()
        {
            path.clone_into(&mut file.path);
        }
    }

    fn write(&mut self, line: std::fmt::Arguments<'_>) {
        if let Some(file) = self.files.last_mut() {
            // A string takes everything.
            _ = writeln!(file.text, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Diff::parse(text).unwrap().files.into_iter().map(|file| file.path).collect()
    }

    const GIT: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n\
        @@ -10,3 +20,4 @@ fn main() {\n one\n-two\n+deux\n+trois\n four\n\\ No newline at end of file\n\
        diff --git a/old.txt b/new.txt\nsimilarity index 100%\nrename from old.txt\nrename to new.txt\n\
        diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";

    #[test]
    fn a_diff_of_git_is_split_into_its_files() {
        assert_eq!(paths(GIT), ["src/a.rs", "new.txt", "gone"]);
        let files = Diff::parse(GIT).unwrap().files;
        assert!(files[0].text.ends_with("\\ No newline at end of file\n") && files[2].text.ends_with("       -x\n"));
    }

    #[test]
    fn lines_of_the_new_file_carry_their_numbers() {
        let text = &Diff::parse(GIT).unwrap().files[0].text;
        let body: Vec<&str> = text.lines().skip(5).take(5).collect();
        assert_eq!(body, ["    20  one", "       -two", "    21 +deux", "    22 +trois", "    23  four"]);
    }

    #[test]
    fn a_diff_without_git_is_read_too() {
        let plain = "Hello,\nsee below.\n--- a.c\t2026-01-01\n+++ a.c\t2026-01-02\n@@ -1 +1 @@\n-x\n+y\n\
            --- /dev/null\n+++ b.c\n@@ -0,0 +1,2 @@\n+x\n+y\n";
        assert_eq!(paths(plain), ["a.c", "b.c"]);
    }

    #[test]
    fn content_that_looks_like_a_header_begins_no_file() {
        let hostile = "--- a/real\n+++ b/real\n@@ -1,2 +1,2 @@\n--- a/fake\n+++ b/fake\n diff --git a/fake b/fake\n";
        assert_eq!(paths(hostile), ["real"]);
    }

    #[test]
    fn what_is_no_diff_is_refused_with_its_line() {
        let cases = [
            ("", Error::NoFile),
            ("Looks good to me.\n", Error::NoFile),
            ("@@ -1 +1 @@\n-a\n+b\n", Error::Hunk { line: 1 }),
            ("--- a/x\n+++ b/x\n@@ -1,x +1 @@\n", Error::Hunk { line: 3 }),
            ("--- a/x\n+++ b/x\n@@ -1,9 +4294967295,9 @@\n", Error::Hunk { line: 3 }),
            ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n", Error::Short { line: 5 }),
            ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n", Error::Short { line: 5 }),
            ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\ndiff --git a/y b/y\n", Error::Short { line: 5 }),
            ("--- /dev/null\n+++ /dev/null\n", Error::NoFile),
        ];
        for (text, error) in cases {
            assert_eq!(Diff::parse(text), Err(error), "{text}");
        }
    }
}
