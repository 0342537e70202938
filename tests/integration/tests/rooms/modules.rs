//! Modules of a crate import each other in one direction.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{files, text};

/// The crates whose top-level modules must not import each other in a circle.
const CRATES: [&str; 4] = [
    "shared/application",
    "shared/platform",
    "infra/identity",
    "infra/xtask",
];

#[test]
fn top_level_modules_have_no_import_circles() {
    for folder in CRATES {
        let imports = imports(&format!("{folder}/src"));
        if let Some(circle) = find_circle(&imports) {
            panic!("{folder}: import circle {}", circle.join(" -> "));
        }
    }
}

/// For each top-level module, the other top-level modules that it names as `crate::module`.
fn imports(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let module = |path: &str| {
        let inside = path.strip_prefix(source).unwrap().trim_start_matches('/');
        let first = inside.split('/').next().unwrap();
        first.trim_end_matches(".rs").to_owned()
    };
    let paths: Vec<String> = files(source, &["rs"])
        .into_iter()
        .filter(|path| !path.contains("/tests"))
        .collect();
    let modules: BTreeSet<String> = paths.iter().map(|path| module(path)).collect();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in &paths {
        let from = module(path);
        if from == "lib" || from == "main" {
            continue;
        }
        let text = text(path);
        let code = text.split("#[cfg(test)]").next().unwrap();
        // A link in a doc comment is no import.
        let lines = code.lines();
        let code: String = lines
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for rest in code.split("crate::").skip(1) {
            let to: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if to != from && modules.contains(&to) {
                imports.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    imports
}

/// A circle of modules, if there is one, by depth-first search.
fn find_circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        module: &str,
        imports: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|visited| visited == module) {
            let mut circle = path[start..].to_vec();
            circle.push(module.to_owned());
            return Some(circle);
        }
        if done.contains(module) {
            return None;
        }
        path.push(module.to_owned());
        for next in imports.get(module).into_iter().flatten() {
            if let Some(circle) = visit(next, imports, path, done) {
                return Some(circle);
            }
        }
        path.pop();
        done.insert(module.to_owned());
        None
    }
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|module| visit(module, imports, &mut Vec::new(), &mut done))
}

#[test]
fn circle_is_found() {
    let imports = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["c".to_owned()])),
        ("c".to_owned(), BTreeSet::from(["b".to_owned()])),
    ]);
    assert_eq!(find_circle(&imports).unwrap(), ["b", "c", "b"]);
}
