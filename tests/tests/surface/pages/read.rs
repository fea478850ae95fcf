//! A page of Markdown, taken apart: its fenced blocks, links, headings and code in the text.

/// A page.
pub(crate) struct Page {
    /// Where it lies in the checkout.
    pub(crate) path: String,
    /// Its fenced blocks.
    pub(crate) blocks: Vec<Block>,
    /// Where its links lead.
    pub(crate) links: Vec<String>,
    /// The anchors of its headings.
    pub(crate) anchors: Vec<String>,
    /// Code in its text.
    pub(crate) code: Vec<String>,
}

/// A fenced block.
pub(crate) struct Block {
    /// The line of its first line of text.
    pub(crate) line: usize,
    /// The first word after the fence.
    pub(crate) language: String,
    /// Where the reader saves it.
    pub(crate) file: Option<String>,
    /// What is in it, with a line end.
    pub(crate) text: String,
}

/// A command of a `console` block and what it shows.
pub(crate) struct Shown {
    pub(crate) command: String,
    pub(crate) output: String,
}

impl Page {
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let mut page = Self { path: path.to_owned(), blocks: vec![], links: vec![], anchors: vec![], code: vec![] };
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(info)) => open = Some(Block::open(index + 2, info)),
                (Some(_), Some("")) => page.blocks.extend(open.take()),
                (Some(block), _) => block.text.extend([line, "\n"]),
                (None, None) => page.read_text(line),
            }
        }
        assert!(open.is_none(), "{path}: a block without an end");
        page
    }

    fn read_text(&mut self, line: &str) {
        if line.starts_with('#') {
            self.anchors.push(anchor(line.trim_start_matches('#').trim()));
        }
        let mut prose = String::new();
        for (index, part) in line.split('`').enumerate() {
            if index % 2 == 1 {
                self.code.push(part.to_owned());
            } else {
                prose.push_str(part);
            }
        }
        for rest in prose.split("](").skip(1) {
            self.links.extend(rest.split_once(')').map(|(link, _)| link.to_owned()));
        }
    }
}

/// As GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.flat_map(char::to_lowercase).map(|char| if char == ' ' { '-' } else { char }).collect()
}

impl Block {
    fn open(line: usize, info: &str) -> Self {
        let mut words = info.split_whitespace();
        let language = words.next().unwrap_or_default().to_owned();
        let file = words.next().map(|word| {
            let file = word.strip_prefix("file=");
            file.unwrap_or_else(|| panic!("line {line}: `{word}` says nothing; write `file=PATH`")).to_owned()
        });
        Self { line, language, file, text: String::new() }
    }

    /// Is it something to type?
    pub(crate) fn is_typed(&self) -> bool {
        self.file.is_none() && (self.language == "sh" || self.language == "console")
    }

    /// Those of the excuses that this block needs.
    pub(crate) fn not_run<'a>(&self, excuses: &'a [(&str, &str)]) -> Vec<&'a str> {
        let needed = |excuse: &&str| self.is_typed() && self.text.lines().any(|line| line.starts_with(excuse));
        excuses.iter().map(|(excuse, _)| *excuse).filter(needed).collect()
    }

    /// The script of an `sh` block, without what is excused. A line goes on after a backslash.
    pub(crate) fn script(&self, excuses: &[(&str, &str)]) -> String {
        let mut script = String::new();
        let mut skipping = false;
        for line in self.text.lines() {
            skipping = skipping || excuses.iter().any(|(excuse, _)| line.starts_with(excuse));
            if !skipping {
                script.extend([line, "\n"]);
            }
            skipping = skipping && line.ends_with('\\');
        }
        script
    }

    /// What a `console` block types and shows.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let mut shown: Vec<Shown> = vec![];
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                shown.push(Shown { command: command.to_owned(), output: String::new() });
                continue;
            }
            let last = shown.last_mut().unwrap_or_else(|| panic!("line {}: begin with `$ `", self.line));
            if last.output.is_empty() && last.command.ends_with('\\') {
                last.command.extend(["\n", line]);
            } else {
                last.output.extend([line, "\n"]);
            }
        }
        shown
    }
}
