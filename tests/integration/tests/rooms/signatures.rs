//! Signatures are short: values that belong together have a type with a name.

use crate::workspace::{files, text};

/// The most arguments of a function besides `self`.
const MAX_ARGUMENTS: usize = 5;

const FOLDERS: [&str; 4] = ["functions", "infra", "shared", "tests"];

#[test]
fn functions_have_few_arguments() {
    let mut long = Vec::new();
    for folder in FOLDERS {
        for path in files(folder, &["rs"]) {
            if path.contains("/tests/") || path.ends_with("/tests.rs") {
                continue;
            }
            for (name, count) in argument_counts(&text(&path)) {
                if count > MAX_ARGUMENTS {
                    long.push(format!("{path}: {name} has {count}"));
                }
            }
        }
    }
    assert!(
        long.is_empty(),
        "a function has at most {MAX_ARGUMENTS} arguments; give those that belong together a type:\n{}",
        long.join("\n")
    );
}

/// The functions that `text` declares before its test module, each with the number of its arguments besides `self`.
fn argument_counts(text: &str) -> Vec<(String, usize)> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let declarations = code.split("fn ").skip(1);
    declarations
        .filter_map(|declaration| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = declaration.find(|c| !is_name(c))?;
            let (name, rest) = declaration.split_at(end);
            let is_declared = !name.is_empty() && rest.starts_with(['(', '<']);
            is_declared.then(|| (name.to_owned(), count_arguments(rest)))
        })
        .collect()
}

/// Counts the arguments in a signature that starts after the function's name.
fn count_arguments(signature: &str) -> usize {
    let (mut depth, mut is_in_arguments, mut previous) = (0, false, ' ');
    let mut arguments = vec![String::new()];
    for c in signature.chars() {
        let is_arrow = c == '>' && matches!(previous, '-' | '=');
        previous = c;
        match c {
            '(' if depth == 0 => is_in_arguments = true,
            ',' if depth == 1 && is_in_arguments => arguments.push(String::new()),
            _ if is_in_arguments => arguments.last_mut().unwrap().push(c),
            _ => {}
        }
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if !is_arrow => depth -= 1,
            _ => {}
        }
        if depth == 0 && is_in_arguments {
            arguments.last_mut().unwrap().pop();
            break;
        }
    }
    let names = arguments.iter().map(|argument| argument.trim());
    names
        .filter(|argument| !argument.is_empty() && !is_self(argument))
        .count()
}

fn is_self(argument: &str) -> bool {
    let name = argument.split(':').next().unwrap();
    name.split([' ', '&']).next_back() == Some("self")
}

#[test]
fn arguments_are_counted() {
    let text = "
        pub async fn none() {}
        /// A comment that has fn commented(a: u8, b: u8).
        fn method(&'a mut self, first: u8) -> Result<(), Error> {}
        fn generic<A: Fn(u8, u8) -> u8, B>(
            first: (A, B),
            second: impl Fn(A, B) -> HashMap<A, B>,
        ) {}
        type Pointer = fn(u8, u8);";
    let expected = [("none", 0), ("method", 1), ("generic", 2)];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(argument_counts(text), expected);
}
