//! A disk that says that it was booted.

use std::path::Path;

/// What a machine writes on its serial line when it boots from a [disk](write_disk).
pub const DISK_MARKER: &str = "marker: booted from the disk";

/// Code of a boot record, for a PC with a BIOS: it writes the text behind it on the first serial line and switches QEMU's
/// board off.
#[rustfmt::skip]
const CODE: [u8; 41] = [
    0x31, 0xc0,             // xor ax, ax
    0x8e, 0xd8,             // mov ds, ax
    0xfc,                   // cld
    0xbe, 0x29, 0x7c,       // mov si, 0x7c00 + 41
    0xac,                   // next: lodsb
    0x84, 0xc0,             // test al, al
    0x74, 0x12,             // jz off
    0x88, 0xc4,             // mov ah, al
    0xba, 0xfd, 0x03,       // mov dx, 0x3fd
    0xec,                   // wait: in al, dx
    0xa8, 0x20,             // test al, 0x20 (the line takes another letter)
    0x74, 0xfb,             // jz wait
    0x88, 0xe0,             // mov al, ah
    0xba, 0xf8, 0x03,       // mov dx, 0x3f8
    0xee,                   // out dx, al
    0xeb, 0xe9,             // jmp next
    0xba, 0x04, 0x06,       // off: mov dx, 0x604 (PM1a control)
    0xb8, 0x00, 0x20,       // mov ax, 0x2000 (sleep, S5)
    0xef,                   // out dx, ax
    0xf4,                   // halt: hlt
    0xeb, 0xfd,             // jmp halt
];

/// Writes a disk of one mebibyte with a boot record.
pub fn write_disk(path: &Path) {
    let mut disk = vec![0; 1 << 20];
    disk[..CODE.len()].copy_from_slice(&CODE);
    let text = format!("\r\n{DISK_MARKER}\r\n\0");
    disk[CODE.len()..][..text.len()].copy_from_slice(text.as_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    std::fs::write(path, disk).expect("a disk");
}
