//! Media of a server, added and looked into as a user does: an image that xorriso made, packages that dpkg-deb made.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use e2e::medium::{self, WINDOWS};
use e2e::{Ironhand, Network, Party, run};
use serde_json::Value;
use tempfile::TempDir;

/// An image like one of Ubuntu, from files in a folder.
fn image(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    for (path, content) in [
        (
            ".disk/info",
            "Ubuntu-Server 24.04.1 LTS \"Noble Numbat\" - Release amd64 (20240827)\n".as_bytes().to_vec(),
        ),
        ("casper/vmlinuz", vec![1; 70_000]),
        ("casper/initrd", vec![2; 300_000]),
        ("EFI/boot/bootx64.efi", vec![3; 100]),
    ] {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    symlink("casper/vmlinuz", tree.join("vmlinuz")).expect("a link");
    let image = folder.join("noble.iso");
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let made = run("xorriso", &["-as", "mkisofs", "-quiet", "-R", "-J", "-o", &text(&image), &text(&tree)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    image
}

fn digest(path: &Path) -> String {
    let output = run("sha256sum", &[path]);
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn an_image_is_added_looked_into_and_removed() {
    let server = Ironhand::serve();
    let path = image(server.folder());
    let right = digest(&path);
    let wrong = server.run(&["media", "add", "noble", text(&path), "--sha256", &"0".repeat(64)]);
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains(&right));
    assert_eq!(server.json(&["media", "list"]), serde_json::json!([]));

    let added = &server.json(&["media", "add", "noble", text(&path), "--sha256", &right.to_uppercase()])[0];
    let status = &added["status"];
    assert_eq!(status["state"], "ready");
    assert_eq!(status["sha256"], right.as_str());
    assert_eq!(status["family"], "ubuntu");
    assert_eq!(status["title"], "Ubuntu-Server 24.04.1 LTS \"Noble Numbat\"");
    assert_eq!(
        (&status["kernel"], &status["initrd"][0]),
        (&Value::from("casper/vmlinuz"), &Value::from("casper/initrd"))
    );
    assert_eq!(
        server.run(&["media", "add", "noble", text(&path)]).status.code(),
        Some(4),
        "there is one already"
    );

    let listed = server.ok(&["media", "ls", "noble", "CASPER", "-o", "name"]);
    assert_eq!(listed, "casper/initrd\ncasper/vmlinuz\n");
    assert!(server.ok(&["media", "ls", "noble"]).contains("vmlinuz -> casper/vmlinuz"));
    for (file, expected) in [("casper/initrd", vec![2; 300_000]), ("vmlinuz", vec![1; 70_000])] {
        assert!(server.run(&["media", "cat", "noble", file]).stdout == expected, "{file}");
    }
    assert!(
        server.run(&["media", "cat", "noble", "image.iso"]).stdout == fs::read(&path).expect("the image")
    );
    assert_eq!(server.run(&["media", "cat", "noble", "nothing"]).status.code(), Some(3));
    server.ok(&["media", "rm", "noble"]);
    assert_eq!(server.run(&["media", "ls", "noble"]).status.code(), Some(3));
}

#[test]
fn an_image_of_udf_is_looked_into_and_served() {
    let network = Network::new();
    let machine = Party::at(&network, "server", "192.0.2.1/24");
    let server = Ironhand::serve_at(&machine, &["--roles", "api,bmc,boot"]);
    let (tree, into) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    medium::windows(tree.path());
    // Nothing stands under ISO 9660, as in images of Windows.
    let options = ["-quiet", "-udf", "-V", "SSS_X64FREE", "-hide", "*"];
    let path = medium::image("genisoimage", &options, tree.path(), &into);
    let added = &server.json(&["media", "add", "win", text(&path)])[0];
    let status = &added["status"];
    assert_eq!(
        (&status["form"], &status["family"], &status["label"]),
        (&Value::from("image"), &Value::from("windows"), &Value::from("SSS_X64FREE")),
        "{added}"
    );
    assert_eq!(status["files"], WINDOWS.len());
    let listed = server.ok(&["media", "ls", "win", "EFI/Microsoft/Boot", "-o", "name"]);
    assert_eq!(listed, "efi/microsoft/boot/bcd\n");
    let extracted = |file: &str| run("7z", &["e", "-so", "-tudf", text(&path), file]).stdout;
    for file in WINDOWS {
        assert!(server.run(&["media", "cat", "win", file]).stdout == extracted(file), "{file}");
    }
    let asked = |arguments: &[&str]| {
        let curl =
            machine.command(&e2e::peer("curl")).args(["--noproxy", "*", "-sSf"]).args(arguments).output();
        let output = curl.expect("curl starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let expected = extracted("sources/boot.wim");
    let url = "http://192.0.2.1:8480/boot/media/win/Sources/BOOT.WIM";
    assert!(asked(&["-r", "1000-4999", url]) == expected[1_000..5_000]);
    assert!(asked(&["tftp://192.0.2.1/media/win/sources/boot.wim"]) == expected);
}

#[test]
fn an_image_is_linked_or_fetched_and_damage_is_told() {
    let server = Ironhand::serve();
    let path = image(server.folder());
    let linked = &server.json(&["media", "add", "here", text(&path), "--link"])[0];
    assert_eq!(
        (&linked["spec"]["link"], &linked["status"]["state"]),
        (&Value::from(text(&path)), &Value::from("ready"))
    );
    assert!(server.run(&["media", "cat", "here", "casper/vmlinuz"]).stdout == vec![1; 70_000]);

    let site = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/noble.iso", site.local_addr().expect("it is bound"));
    let bytes = fs::read(&path).expect("the image");
    let whole = bytes.clone();
    std::thread::spawn(move || {
        for sent in [whole.len(), whole.len() / 2] {
            let (mut client, _) = site.accept().expect("a client");
            let _ = client.read(&mut [0; 4_096]).expect("a request");
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", whole.len());
            client.write_all(head.as_bytes()).expect("it is taken");
            client.write_all(&whole[..sent]).expect("it is taken");
        }
    });
    let fetched = &server.json(&["media", "add", "fetched", &url, "--sha256", &digest(&path)])[0];
    assert_eq!(fetched["status"]["size"], bytes.len());
    let cut = server.run(&["media", "add", "cut", &url]);
    assert_eq!(cut.status.code(), Some(1), "{}", String::from_utf8_lossy(&cut.stderr));
    assert_eq!(server.json(&["media", "list"])[0]["status"]["state"], "failed");
    server.ok(&["media", "rm", "cut", "fetched", "here"]);

    let half = server.folder().join("half.iso");
    fs::write(&half, &bytes[..bytes.len() / 2]).expect("a file");
    let refused = server.run(&["media", "add", "half", text(&half)]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("not whole"),
        "{}",
        String::from_utf8_lossy(&refused.stderr)
    );
    assert!(path.exists(), "a linked file is nobody's to remove");
}

#[test]
fn loaders_are_taken_out_of_packages() {
    let server = Ironhand::serve();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/fuzz/media_archive");
    for package in ["package-xz", "package-zstd", "package-gzip", "package-plain"] {
        let added = &server.json(&["media", "add", package, "--loaders", text(&folder.join(package))])[0];
        let loaders = added["status"]["loaders"].as_array().expect("loaders").clone();
        let seen: Vec<(&str, &str, bool)> = loaders
            .iter()
            .map(|loader| {
                (
                    loader["path"].as_str().expect("a path"),
                    loader["machine"].as_str().expect("a machine"),
                    loader["signed"] == true,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [("bios/undionly.kpxe", "bios", false), ("x64/shimx64.efi", "x64", true)],
            "{package}"
        );
        assert_eq!(server.run(&["media", "cat", package, "bios/undionly.kpxe"]).stdout, b"kpxe".repeat(50));
    }
    let none = server.run(&["media", "add", "none", "--loaders", text(&folder.join("cut"))]);
    assert_eq!(none.status.code(), Some(2), "{}", String::from_utf8_lossy(&none.stderr));
}
