# The table formats of jq, which jaq's standard library leaves to another, larger crate.
def _row(f): if isarray then [.[] | if . == null then "" elif isstring then f
  elif isboolean or isnumber then tostring
  else error("cannot put \(.) into a table cell") end] else error("cannot use \(.) as a table row: no array") end;
def @csv: _row("\"\(split("\"") | join("\"\""))\"") | join(",");
def @tsv: _row(
    split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n") | split("\r") | join("\\r")
  ) | join("\t");
