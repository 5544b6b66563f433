//! The files of a commit, read from Git's objects: nothing is checked out.

use ironhand_api::{Commit, Timestamp};

use super::git::{Call, Git, GitError};

/// Manifest files of one commit.
const MOST_FILES: usize = 20_000;

/// The largest manifest file, in bytes: as large as the body of a request that applies one.
const LARGEST_FILE: u64 = 1 << 20;

/// All manifest files of a commit together, in bytes.
const LARGEST_TREE: u64 = 64 << 20;

/// The list of all files of a commit, in bytes: a repository may hold many that are no manifests.
const LONGEST_LIST: usize = 64 << 20;

/// The longest title or author that is kept of a commit, in characters.
const LONGEST_WORD: usize = 200;

/// A file of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// What cannot be taken of a commit's files, each with its file.
pub(super) type Faults = Vec<String>;

/// A manifest file in Git's list.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    object: String,
    size: u64,
    path: String,
}

/// What a commit says of itself.
pub(super) async fn commit(git: &Git, reference: &str) -> Result<Commit, GitError> {
    let doing = "read the commit";
    let format = "--format=%H%x00%an <%ae>%x00%ct%x00%s";
    let call = Call::new(doing, &["log", "-1", "--no-mailmap", format, "--end-of-options", reference, "--"]);
    let output = git.run(call).await?.worked(doing)?;
    let text = String::from_utf8_lossy(&output);
    let mut parts = text.trim_end_matches('\n').splitn(4, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let (id, author, seconds, title) = (part().to_owned(), word(part()), part().to_owned(), word(part()));
    let seconds: i64 = seconds.parse().unwrap_or_default();
    Ok(Commit { id, title, author, at: Timestamp::from_millis(seconds.saturating_mul(1000)) })
}

/// A text of a stranger, as it can be shown.
fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
}

/// Reads the manifest files of a commit below `path`, ordered by name.
pub(super) async fn files(
    git: &Git,
    id: &str,
    path: Option<&str>,
) -> Result<Result<Vec<File>, Faults>, GitError> {
    let doing = "list the files of the commit";
    let mut arguments = vec!["ls-tree", "-r", "-z", "-l", "--full-tree", id];
    let folder = path.map(|path| format!("{path}/"));
    if let Some(folder) = &folder {
        arguments.extend(["--", folder]);
    }
    let call = Call::new(doing, &arguments).variable("GIT_LITERAL_PATHSPECS", "1").limit(LONGEST_LIST);
    let listed = git.run(call).await?.worked(doing)?;
    let entries = match entries(&listed) {
        Ok(entries) if entries.is_empty() => {
            let place = path.map_or_else(|| "the repository".to_owned(), |path| format!("`{path}`"));
            return Ok(Err(vec![format!("there is no .yaml, .yml or .json file in {place}")]));
        }
        Ok(entries) => entries,
        Err(faults) => return Ok(Err(faults)),
    };
    let doing = "read the files of the commit";
    let wanted: String = entries.iter().map(|entry| format!("{}\n", entry.object)).collect();
    let total: u64 = entries.iter().map(|entry| entry.size).sum();
    // Each is preceded by its object, type and size, and followed by a line break.
    let limit = usize::try_from(total).unwrap_or(usize::MAX).saturating_add(entries.len() * 128);
    let call = Call::new(doing, &["cat-file", "--batch"]).input(wanted.into_bytes()).limit(limit);
    let output = git.run(call).await?.worked(doing)?;
    let broken = || GitError::Failed { doing, said: "its answer cannot be understood".to_owned() };
    read_batch(entries, &output).ok_or_else(broken)
}

/// The manifest files in the output of `git ls-tree -z -l`: mode, type, object and size, a tab, the path.
fn entries(listed: &[u8]) -> Result<Vec<Entry>, Faults> {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    for line in listed.split(|&byte| byte == 0).filter(|line| !line.is_empty()) {
        let Some((head, path)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t')) else {
            // A name that is no text is none of a manifest.
            continue;
        };
        let hidden = path.split('/').any(|part| part.starts_with('.'));
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
        if hidden || !is_manifest {
            continue;
        }
        let shown = word(path);
        let mut words = head.split_whitespace();
        let (mode, _, object, size) = (words.next(), words.next(), words.next(), words.next());
        match mode {
            Some("100644" | "100755") => {}
            Some("120000") => {
                faults.push(format!("{shown}: is a symbolic link, which is not followed"));
                continue;
            }
            // A submodule, whose content is not here.
            _ => continue,
        }
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(u64::MAX);
        if size > LARGEST_FILE {
            faults.push(format!("{shown}: is larger than {} MiB", LARGEST_FILE >> 20));
            continue;
        }
        entries.push(Entry { object: object.unwrap_or_default().to_owned(), size, path: path.to_owned() });
    }
    if entries.len() > MOST_FILES {
        faults.push(format!("there are {} manifest files, and may be {MOST_FILES}", entries.len()));
    }
    if entries.iter().map(|entry| entry.size).sum::<u64>() > LARGEST_TREE {
        faults.push(format!("the manifest files are together larger than {} MiB", LARGEST_TREE >> 20));
    }
    if faults.is_empty() { Ok(entries) } else { Err(faults) }
}

/// The files in the output of `git cat-file --batch`; nothing where it is not what was asked for.
fn read_batch(entries: Vec<Entry>, mut output: &[u8]) -> Option<Result<Vec<File>, Faults>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for entry in entries {
        let head = output.iter().position(|&byte| byte == b'\n')?;
        let words: Vec<&str> = std::str::from_utf8(&output[..head]).ok()?.split(' ').collect();
        let [_, "blob", size] = words[..] else { return None };
        let size: usize = size.parse().ok()?;
        let content = output.get(head + 1..head + 1 + size)?;
        output = output.get(head + 2 + size..)?;
        match std::str::from_utf8(content) {
            Ok(text) if text.starts_with("version https://git-lfs.github.com/") => {
                faults.push(format!("{}: is kept in Git LFS, which is not fetched", word(&entry.path)));
            }
            Ok(text) => files.push(File { path: entry.path, text: text.to_owned() }),
            Err(_) => faults.push(format!("{}: is not a text in UTF-8", word(&entry.path))),
        }
    }
    Some(if faults.is_empty() { Ok(files) } else { Err(faults) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_manifest_files_are_taken() {
        let check = |listed: &str, wanted: Result<&[&str], &str>| {
            let found = entries(listed.as_bytes());
            match (found, wanted) {
                (Ok(entries), Ok(paths)) => {
                    let found: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
                    assert_eq!(found, paths, "{listed:?}");
                }
                (Err(faults), Err(text)) => assert!(faults.join("\n").contains(text), "{faults:?}"),
                (found, _) => panic!("{listed:?}: {found:?}"),
            }
        };
        check("100644 blob aa      12\thosts/a.yaml\0", Ok(&["hosts/a.yaml"]));
        check("100755 blob aa 12\ta.yml\x00100644 blob bb 3\tREADME.md\0", Ok(&["a.yml"]));
        check("100644 blob aa 12\t.github/workflows/ci.yaml\0", Ok(&[]));
        check("160000 commit aa -\tvendor.yaml\0", Ok(&[]));
        check("120000 blob aa 11\tsecret.yaml\0", Err("secret.yaml: is a symbolic link"));
        check("100644 blob aa 99999999\tbig.json\0", Err("larger than 1 MiB"));
    }

    #[test]
    fn a_batch_is_cut_where_its_sizes_say() {
        let entry = |path: &str| Entry { object: "aa".to_owned(), size: 3, path: path.to_owned() };
        let output = b"aa blob 3\na\nb\naa blob 2\n\xff\xfe\n";
        let faults = read_batch(vec![entry("a.yaml"), entry("b.yaml")], output).unwrap().unwrap_err();
        assert_eq!(faults, ["b.yaml: is not a text in UTF-8"]);
        let files = read_batch(vec![entry("a.yaml")], output).unwrap().unwrap();
        assert_eq!(files, [File { path: "a.yaml".to_owned(), text: "a\nb".to_owned() }]);
        for broken in [&b"aa missing\n"[..], b"aa blob 9\nabc\n", b"", b"aa tree 3\nabc\n"] {
            assert!(read_batch(vec![entry("a.yaml")], broken).is_none(), "{broken:?}");
        }
    }
}
