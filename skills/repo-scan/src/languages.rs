//! Which language a file is in, and how that language writes comments and strings: a table.
//!
//! Promises one language for a name, or none. The current line counters do not compile for WebAssembly without their
//! command lines, so the table is our own; a language is one row.

/// What stands between `open` and `close` is no comment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quote {
    pub(crate) open: &'static str,
    pub(crate) close: &'static str,
    /// A backslash takes the meaning from what follows it.
    pub(crate) escapes: bool,
    /// It may end on a later line; otherwise the line's end ends it.
    pub(crate) spans: bool,
}

/// How one language writes comments.
#[derive(Debug)]
pub(crate) struct Language {
    pub(crate) name: &'static str,
    /// Endings of file names without the dot, and whole names where a file has no ending. In lower case.
    names: &'static [&'static str],
    /// Begin a comment that the line's end ends.
    pub(crate) line: &'static [&'static str],
    /// Begin and end a comment over several lines.
    pub(crate) block: &'static [(&'static str, &'static str)],
    /// Whether block comments stand within each other.
    pub(crate) nests: bool,
    /// Longer openings first: the first that fits is taken.
    pub(crate) quotes: &'static [Quote],
}

const fn quote(open: &'static str, close: &'static str, escapes: bool, spans: bool) -> Quote {
    Quote { open, close, escapes, spans }
}

const DOUBLE: Quote = quote("\"", "\"", true, false);
const SINGLE: Quote = quote("'", "'", true, false);
const BACKTICK: Quote = quote("`", "`", true, true);
const BOTH: &[Quote] = &[DOUBLE, SINGLE];
/// A character literal that holds a quote comes first, or it would open a string.
const RUST: &[Quote] = &[
    quote("'\"", "'", false, false),
    quote("'\\", "'", false, false),
    quote("r##\"", "\"##", false, true),
    quote("r#\"", "\"#", false, true),
    quote("r\"", "\"", false, true),
    quote("\"", "\"", true, true),
];
const GO: &[Quote] = &[quote("`", "`", false, true), DOUBLE, SINGLE];
const SCRIPT: &[Quote] = &[BACKTICK, DOUBLE, SINGLE];
const TRIPLE: &[Quote] = &[quote("\"\"\"", "\"\"\"", true, true), quote("'''", "'''", true, true), DOUBLE, SINGLE];
const TRIPLE_DOUBLE: &[Quote] = &[quote("\"\"\"", "\"\"\"", true, true), DOUBLE, SINGLE];
const TEXT: &[Quote] = &[quote("\"", "\"", true, true)];
const SHELL: &[Quote] = &[quote("\"", "\"", true, true), quote("'", "'", false, true), quote("\\", "", false, false)];
const SQL: &[Quote] = &[quote("'", "'", false, true), quote("\"", "\"", false, false)];

const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];
const STARS: &[(&str, &str)] = &[("/*", "*/")];
const TAGS: &[(&str, &str)] = &[("<!--", "-->")];

const fn language(
    name: &'static str,
    names: &'static [&'static str],
    line: &'static [&'static str],
    block: &'static [(&'static str, &'static str)],
    quotes: &'static [Quote],
) -> Language {
    Language { name, names, line, block, nests: false, quotes }
}

const fn nesting(language: Language) -> Language {
    Language { nests: true, ..language }
}

static LANGUAGES: &[Language] = &[
    language("Assembly", &["asm", "s"], &[";", "#", "//"], STARS, &[DOUBLE]),
    language("Batch", &["bat", "cmd"], &["::", "rem ", "REM "], &[], &[]),
    language("C", &["c"], SLASHES, STARS, BOTH),
    language("C header", &["h"], SLASHES, STARS, BOTH),
    language("C#", &["cs"], SLASHES, STARS, BOTH),
    language("C++", &["cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp"], SLASHES, STARS, BOTH),
    language("Clojure", &["clj", "cljc", "cljs", "edn"], &[";"], &[], TEXT),
    language("CMake", &["cmake", "cmakelists.txt"], HASH, &[("#[[", "]]")], &[DOUBLE]),
    language("CSS", &["css"], &[], STARS, BOTH),
    nesting(language("Dart", &["dart"], SLASHES, STARS, TRIPLE)),
    language("Dockerfile", &["dockerfile", "containerfile"], HASH, &[], BOTH),
    language("Elixir", &["ex", "exs"], HASH, &[], TRIPLE_DOUBLE),
    language("Erlang", &["erl", "hrl"], &["%"], &[], &[DOUBLE]),
    nesting(language("F#", &["fs", "fsi", "fsx"], SLASHES, &[("(*", "*)")], TRIPLE_DOUBLE)),
    language("Go", &["go"], SLASHES, STARS, GO),
    language("GraphQL", &["graphql", "gql"], HASH, &[], TRIPLE_DOUBLE),
    language("Groovy", &["groovy", "gradle", "jenkinsfile"], SLASHES, STARS, TRIPLE),
    nesting(language("Haskell", &["hs"], &["--"], &[("{-", "-}")], &[DOUBLE])),
    language("HCL", &["tf", "hcl", "tfvars"], &["#", "//"], STARS, &[DOUBLE]),
    language("HTML", &["html", "htm", "xhtml"], &[], TAGS, &[]),
    language("INI", &["ini", "cfg", "conf", "editorconfig", ".editorconfig"], &[";", "#"], &[], &[]),
    language("Java", &["java"], SLASHES, STARS, TRIPLE_DOUBLE),
    language("JavaScript", &["js", "cjs", "mjs", "jsx"], SLASHES, STARS, SCRIPT),
    language("JSON", &["json", "jsonl", "geojson", "webmanifest"], &[], &[], &[]),
    language("Julia", &["jl"], HASH, &[("#=", "=#")], TRIPLE_DOUBLE),
    nesting(language("Kotlin", &["kt", "kts"], SLASHES, STARS, TRIPLE_DOUBLE)),
    language("Lua", &["lua"], &["--"], &[("--[[", "]]")], BOTH),
    language("Makefile", &["mk", "makefile", "gnumakefile"], HASH, &[], &[]),
    language("Markdown", &["md", "markdown"], &[], TAGS, &[]),
    language("Nix", &["nix"], HASH, STARS, &[quote("''", "''", false, true), quote("\"", "\"", true, true)]),
    language("Objective-C", &["m", "mm"], SLASHES, STARS, BOTH),
    nesting(language("OCaml", &["ml", "mli"], &[], &[("(*", "*)")], TEXT)),
    language("Perl", &["pl", "pm"], HASH, &[("=pod", "=cut")], BOTH),
    language("PHP", &["php"], &["//", "#"], STARS, &[quote("\"", "\"", true, true), quote("'", "'", true, true)]),
    language("PowerShell", &["ps1", "psm1", "psd1"], HASH, &[("<#", "#>")], BOTH),
    language("Protocol Buffers", &["proto"], SLASHES, STARS, BOTH),
    language("Python", &["py", "pyi", "pyw"], HASH, &[], TRIPLE),
    language("R", &["r"], HASH, &[], BOTH),
    language("reStructuredText", &["rst"], &[], &[], &[]),
    language("Ruby", &["rb", "rake", "gemspec", "gemfile", "rakefile"], HASH, &[("=begin", "=end")], BOTH),
    nesting(language("Rust", &["rs"], SLASHES, STARS, RUST)),
    language("Sass", &["scss", "sass", "less"], SLASHES, STARS, BOTH),
    nesting(language("Scala", &["scala", "sc"], SLASHES, STARS, TRIPLE_DOUBLE)),
    language("Shell", &["sh", "bash", "zsh", "ksh", "fish"], HASH, &[], SHELL),
    language("SQL", &["sql"], &["--"], STARS, SQL),
    language("Svelte", &["svelte"], SLASHES, &[("<!--", "-->"), ("/*", "*/")], SCRIPT),
    nesting(language("Swift", &["swift"], SLASHES, STARS, TRIPLE_DOUBLE)),
    language("Text", &["txt"], &[], &[], &[]),
    language("TOML", &["toml"], HASH, &[], TRIPLE),
    language("TypeScript", &["ts", "cts", "mts", "tsx"], SLASHES, STARS, SCRIPT),
    language("Vue", &["vue"], SLASHES, &[("<!--", "-->"), ("/*", "*/")], SCRIPT),
    nesting(language("WebAssembly text", &["wat", "wast"], &[";;"], &[("(;", ";)")], TEXT)),
    nesting(language("WIT", &["wit"], SLASHES, STARS, &[])),
    language("XML", &["xml", "svg", "xsd", "xsl", "plist", "csproj"], &[], TAGS, &[]),
    language("YAML", &["yaml", "yml"], HASH, &[], BOTH),
    language("Zig", &["zig"], SLASHES, &[], BOTH),
];

/// The language of a file by its name, else by the interpreter that its first line names.
pub(crate) fn of(file_name: &str, start: &[u8]) -> Option<&'static Language> {
    let name = file_name.to_ascii_lowercase();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    named(&name).or_else(|| ending.and_then(named)).or_else(|| interpreter(start).and_then(named))
}

fn named(name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.names.contains(&name))
}

/// The file ending that stands for what `#!` names.
fn interpreter(start: &[u8]) -> Option<&'static str> {
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let program =
        line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word)).find(|word| *word != "env")?;
    match program.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.') {
        "sh" | "bash" | "zsh" | "ksh" | "dash" | "fish" => Some("sh"),
        "python" => Some("py"),
        "node" | "deno" | "bun" => Some("js"),
        "perl" => Some("pl"),
        "ruby" => Some("rb"),
        "lua" => Some("lua"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(file: &str, start: &str) -> Option<&'static str> {
        of(file, start.as_bytes()).map(|language| language.name)
    }

    #[test]
    fn a_name_its_ending_or_the_first_line_says_the_language() {
        for (file, start, language) in [
            ("lib.rs", "", Some("Rust")),
            ("LIB.RS", "", Some("Rust")),
            ("Makefile", "", Some("Makefile")),
            ("CMakeLists.txt", "", Some("CMake")),
            ("notes.txt", "", Some("Text")),
            ("build", "#!/usr/bin/env bash\n", Some("Shell")),
            ("tool", "#!/usr/bin/python3.12\nx", Some("Python")),
            ("build", "", None),
            ("picture.png", "", None),
            ("rs", "", Some("Rust")),
        ] {
            assert_eq!(name_of(file, start), language, "{file}");
        }
    }

    #[test]
    fn no_two_languages_claim_one_name() {
        let mut names: Vec<_> = LANGUAGES.iter().flat_map(|language| language.names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
