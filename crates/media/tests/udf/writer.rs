//! A writer of small UDF images in every form that ours reads: nothing in Debian writes metadata partitions, links or chained
//! allocation descriptors without a kernel. 7-Zip judges what it writes, in `tests/e2e`. Sections are cited as in `src/udf`.

/// How an image is written.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// Bytes of a block: 512 or 2048.
    pub block: usize,
    /// In how many pieces there is a metadata partition (UDF 2.2.10), as from revision 2.50 on; 0 where there is none.
    pub metadata: usize,
    /// Whether extended file entries are written (4/14.17), as from revision 2.00 on.
    pub extended: bool,
}

/// Something under a name.
#[derive(Clone, Debug)]
pub enum Item {
    /// A file in its own entry.
    Embedded(Vec<u8>),
    /// A file by short allocation descriptors, in so many pieces that lie apart.
    Short(Vec<u8>, usize),
    /// The same by long ones.
    Long(Vec<u8>, usize),
    /// The same by a long one, and with room behind its end.
    Roomy(Vec<u8>),
    /// The same by long ones, of which each entry and each allocation extent has one (4/14.5).
    Chained(Vec<u8>, usize),
    /// A file of which nothing is recorded.
    Hole(u64),
    /// A symbolic link, by its path components (4/14.16).
    Link(Vec<u8>),
    /// A pipe.
    Pipe,
    /// A directory.
    Directory(Vec<(&'static str, Item)>),
    /// The root once more.
    Root,
    /// What was deleted, and leads nowhere.
    Deleted,
}

/// An address: a block, and the number of its partition map.
type Address = (u32, u16);

/// The blocks of a partition, as far as they are taken.
struct Space {
    bytes: Vec<u8>,
    block: usize,
    partition: u16,
}

impl Space {
    fn take(&mut self, length: usize) -> u32 {
        let at = self.bytes.len() / self.block;
        self.bytes.resize(self.bytes.len() + length.next_multiple_of(self.block), 0);
        at as u32
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        let begin = at as usize * self.block;
        self.bytes[begin..begin + bytes.len()].copy_from_slice(bytes);
    }
}

struct Work {
    writer: Writer,
    /// Where the bytes of files lie.
    files: Space,
    /// Where entries and directories lie, if not there.
    metadata: Option<Space>,
    root: Address,
}

impl Writer {
    /// Writes an image with what the root holds.
    pub fn write(&self, root: &[(&'static str, Item)]) -> Vec<u8> {
        let space = |partition| Space { bytes: Vec::new(), block: self.block, partition };
        let mut work = Work {
            writer: *self,
            files: space(0),
            metadata: (self.metadata > 0).then(|| space(1)),
            root: (1, 0),
        };
        if self.metadata > 0 {
            // The entries of the metadata file and of its mirror.
            work.files.take(2 * self.block);
            work.root.1 = 1;
        }
        let file_set = work.place().take(self.block);
        let at = work.place().take(self.block);
        assert_eq!((file_set, at), (0, work.root.0));
        work.directory(at, root, work.root);
        let set = self.file_set(work.root);
        work.place().put(file_set, &set);
        work.keep_metadata();
        self.frame(&work.files.bytes)
    }

    fn version(&self) -> u16 {
        if self.extended || self.metadata > 0 { 3 } else { 2 }
    }

    /// Puts a tag (3/7.2) before what begins with room for one.
    fn seal(&self, kind: u16, location: u32, bytes: &mut [u8]) {
        bytes[..2].copy_from_slice(&kind.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.version().to_le_bytes());
        let length = (bytes.len() - 16) as u16;
        bytes[10..12].copy_from_slice(&length.to_le_bytes());
        bytes[12..16].copy_from_slice(&location.to_le_bytes());
        reseal(bytes);
    }

    /// The descriptor of the file set (4/14.1).
    fn file_set(&self, root: Address) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        charset(&mut bytes[48..112]);
        dstring(&mut bytes[112..240], "SET");
        charset(&mut bytes[240..304]);
        dstring(&mut bytes[304..336], "SET");
        bytes[400..416].copy_from_slice(&long(self.block as u32, root));
        domain(&mut bytes[416..448]);
        self.seal(256, 0, &mut bytes);
        bytes
    }

    /// Everything around the partition.
    fn frame(&self, partition: &[u8]) -> Vec<u8> {
        let block = self.block;
        let (main, reserve) = (40_960 / block, 40_960 / block + 16);
        // Before the anchor if there is room.
        let room = (reserve + 16) * block + partition.len() <= 256 * block;
        let first = if room { reserve + 16 } else { 257 };
        let last = 257.max(first + partition.len() / block);
        let mut image = vec![0; (last + 1) * block];
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        let standard = if self.version() == 3 { b"NSR03" } else { b"NSR02" };
        for (number, name) in [b"BEA01", standard, b"TEA01"].into_iter().enumerate() {
            put(32_768 + number * 2_048 + 1, name);
            put(32_768 + number * 2_048 + 6, &[1]);
        }
        for begin in [main, reserve] {
            for (number, bytes) in self.descriptors(begin as u32, first, partition.len()).iter().enumerate() {
                put((begin + number) * block, bytes);
            }
        }
        for at in [256, last] {
            let mut anchor = vec![0; 512];
            for (field, first) in [(16, main), (24, reserve)] {
                anchor[field..field + 4].copy_from_slice(&(16 * block as u32).to_le_bytes());
                anchor[field + 4..field + 8].copy_from_slice(&(first as u32).to_le_bytes());
            }
            self.seal(2, at as u32, &mut anchor);
            put(at * block, &anchor);
        }
        put(first * block, partition);
        image
    }

    /// The descriptors of the volume, which begin at a sector (3/8.4.2).
    fn descriptors(&self, begin: u32, first: usize, length: usize) -> [Vec<u8>; 4] {
        let mut primary = vec![0; 512];
        dstring(&mut primary[24..56], "VOLUME");
        dstring(&mut primary[72..200], "0123456789ABCDEF");
        charset(&mut primary[200..264]);
        charset(&mut primary[264..328]);
        let mut partition = vec![0; 512];
        partition[16] = 1;
        partition[20] = 1;
        partition[25..31].copy_from_slice(if self.version() == 3 { b"+NSR03" } else { b"+NSR02" });
        partition[184] = 1;
        partition[188..192].copy_from_slice(&(first as u32).to_le_bytes());
        partition[192..196].copy_from_slice(&((length / self.block) as u32).to_le_bytes());
        let mut logical = vec![0; 512];
        logical[16] = 2;
        charset(&mut logical[20..84]);
        dstring(&mut logical[84..212], "WRITTEN");
        logical[212..216].copy_from_slice(&(self.block as u32).to_le_bytes());
        domain(&mut logical[216..248]);
        logical[248..264].copy_from_slice(&long(self.block as u32, (0, u16::from(self.metadata > 0))));
        let maps = self.partition_maps();
        logical[264] = maps.len() as u8;
        logical[268] = 1 + u8::from(self.metadata > 0);
        logical.truncate(440);
        logical.extend(maps);
        let mut sealed = [primary, partition, logical, vec![0; 512]];
        for ((number, bytes), kind) in sealed.iter_mut().enumerate().zip([1, 5, 6, 8]) {
            self.seal(kind, begin + number as u32, bytes);
        }
        sealed
    }

    fn partition_maps(&self) -> Vec<u8> {
        let mut maps = vec![1, 6, 1, 0, 0, 0];
        if self.metadata > 0 {
            let mut map = vec![0; 64];
            map[..2].copy_from_slice(&[2, 64]);
            map[5..28].copy_from_slice(b"*UDF Metadata Partition");
            map[28..30].copy_from_slice(&[0x50, 0x02]);
            map[36] = 1;
            // The entries of the file and of its mirror are blocks 0 and 1; there is no bitmap.
            map[44] = 1;
            map[48..52].fill(0xff);
            map[52] = 1;
            map[56] = 1;
            map[58] = 1;
            maps.extend(map);
        }
        maps
    }

    /// A file entry (4/14.9, 4/14.17).
    fn entry(&self, at: u32, kind: u8, form: u8, length: u64, allocation: &[u8]) -> Vec<u8> {
        let (tag, fixed) = if self.extended { (266, 216) } else { (261, 176) };
        let mut bytes = vec![0; fixed];
        bytes[20] = 4;
        bytes[24] = 1;
        bytes[27] = kind;
        bytes[34] = form;
        bytes[48] = 1;
        bytes[56..64].copy_from_slice(&length.to_le_bytes());
        if self.extended {
            bytes[64..72].copy_from_slice(&length.to_le_bytes());
        }
        bytes[fixed - 4..].copy_from_slice(&(allocation.len() as u32).to_le_bytes());
        bytes.extend(allocation);
        self.seal(tag, at, &mut bytes);
        assert!(bytes.len() <= self.block, "an entry fits a block");
        bytes
    }
}

impl Work {
    /// Where entries and directories are put.
    fn place(&mut self) -> &mut Space {
        self.metadata.as_mut().unwrap_or(&mut self.files)
    }

    fn directory(&mut self, at: u32, items: &[(&'static str, Item)], parent: Address) {
        let mut bytes = self.identifier("", 0x0a, parent);
        for (name, item) in items {
            let address = self.item(item, at);
            let characteristics = match item {
                Item::Directory(_) | Item::Root => 0x02,
                Item::Deleted => 0x04,
                _ => 0,
            };
            bytes.extend(self.identifier(name, characteristics, address));
        }
        let entry_room = self.writer.block - 216;
        let (form, allocation) = if bytes.len() <= entry_room {
            (3, bytes.clone())
        } else {
            let block = self.place().take(bytes.len());
            self.place().put(block, &bytes);
            (0, short(bytes.len() as u32, block))
        };
        let entry = self.writer.entry(at, 4, form, bytes.len() as u64, &allocation);
        self.place().put(at, &entry);
    }

    /// Writes an item; gives where its entry stands.
    fn item(&mut self, item: &Item, parent: u32) -> Address {
        match item {
            Item::Root => return self.root,
            Item::Deleted => return (0x00ff_ffff, 9),
            _ => {}
        }
        let block = self.writer.block;
        let at = self.place().take(block);
        let partition = self.place().partition;
        let (kind, form, length, allocation) = match item {
            Item::Directory(items) => {
                self.directory(at, items, (parent, partition));
                return (at, partition);
            }
            Item::Embedded(bytes) => (5, 3, bytes.len() as u64, bytes.clone()),
            Item::Link(bytes) => (12, 3, bytes.len() as u64, bytes.clone()),
            Item::Pipe => (9, 3, 0, Vec::new()),
            Item::Hole(length) => (5, 0, *length, short(*length as u32 | 2 << 30, 0)),
            // Short descriptors speak of the partition that they stand in, where files have no place (UDF 2.2.13).
            Item::Short(bytes, pieces) if self.metadata.is_none() => {
                let apart = scatter(self.place(), bytes, *pieces);
                (
                    5,
                    0,
                    bytes.len() as u64,
                    apart.iter().flat_map(|(length, at)| short(*length, at.0)).collect(),
                )
            }
            Item::Short(bytes, pieces) | Item::Long(bytes, pieces) => {
                let apart = scatter(&mut self.files, bytes, *pieces);
                let allocation = apart.iter().flat_map(|(length, at)| long(*length, *at)).collect();
                (5, 1, bytes.len() as u64, allocation)
            }
            Item::Roomy(bytes) => {
                let whole = scatter(&mut self.files, bytes, 1)[0];
                let allocation = [long(whole.0, whole.1), long(block as u32 | 1 << 30, (0, 0))].concat();
                (5, 1, bytes.len() as u64, allocation)
            }
            Item::Chained(bytes, pieces) => {
                let apart = scatter(&mut self.files, bytes, *pieces);
                (5, 1, bytes.len() as u64, self.chain(&apart))
            }
            Item::Root | Item::Deleted => unreachable!("there is no entry of it"),
        };
        let entry = self.writer.entry(at, kind, form, length, &allocation);
        self.place().put(at, &entry);
        (at, partition)
    }

    /// The first of these descriptors, and where the others follow.
    fn chain(&mut self, apart: &[(u32, Address)]) -> Vec<u8> {
        let Some(((length, at), rest)) = apart.split_first() else { return Vec::new() };
        let mut allocation = long(*length, *at).to_vec();
        if !rest.is_empty() {
            let following = self.chain(rest);
            let block = self.writer.block;
            let at = self.place().take(block);
            let partition = self.place().partition;
            let mut extent = vec![0; 24];
            extent[20..24].copy_from_slice(&(following.len() as u32).to_le_bytes());
            extent.extend(following);
            self.writer.seal(258, at, &mut extent);
            self.place().put(at, &extent);
            allocation.extend(long(block as u32 | 3 << 30, (at, partition)));
        }
        allocation
    }

    /// A file identifier descriptor (4/14.4).
    fn identifier(&self, name: &str, characteristics: u8, (block, partition): Address) -> Vec<u8> {
        let name = if name.is_empty() { Vec::new() } else { compressed(name) };
        let mut bytes = vec![0; 38];
        bytes[16] = 1;
        bytes[18] = characteristics;
        bytes[19] = name.len() as u8;
        bytes[20..36].copy_from_slice(&long(self.writer.block as u32, (block, partition)));
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        self.writer.seal(257, 0, &mut bytes);
        bytes
    }

    /// Puts the metadata partition into the other, twice (UDF 2.2.13).
    fn keep_metadata(&mut self) {
        let Some(metadata) = self.metadata.take() else { return };
        for (at, kind) in [(0, 250), (1, 251)] {
            let apart = scatter(&mut self.files, &metadata.bytes, self.writer.metadata);
            let allocation: Vec<u8> = apart.iter().flat_map(|(length, at)| short(*length, at.0)).collect();
            let entry = self.writer.entry(at, kind, 0, metadata.bytes.len() as u64, &allocation);
            self.files.put(at, &entry);
        }
    }
}

/// Puts bytes in so many pieces, of whole blocks but the last, with a block between each two.
fn scatter(space: &mut Space, bytes: &[u8], pieces: usize) -> Vec<(u32, Address)> {
    let each = bytes.len().div_ceil(pieces).next_multiple_of(space.block).max(space.block);
    let mut apart = Vec::new();
    for piece in bytes.chunks(each) {
        let at = space.take(piece.len());
        space.put(at, piece);
        space.take(space.block);
        apart.push((piece.len() as u32, (at, space.partition)));
    }
    apart
}

/// A short allocation descriptor (4/14.14.1).
fn short(length: u32, block: u32) -> Vec<u8> {
    [length.to_le_bytes(), block.to_le_bytes()].concat()
}

/// A long allocation descriptor (4/14.14.2).
fn long(length: u32, (block, partition): Address) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&block.to_le_bytes());
    bytes[8..10].copy_from_slice(&partition.to_le_bytes());
    bytes
}

/// OSTA Compressed Unicode (UDF 2.1.2).
pub fn compressed(text: &str) -> Vec<u8> {
    if text.chars().all(|c| u32::from(c) < 256) {
        return [8].into_iter().chain(text.chars().map(|c| c as u8)).collect();
    }
    [16].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
}

fn dstring(field: &mut [u8], text: &str) {
    let text = compressed(text);
    field[..text.len()].copy_from_slice(&text);
    field[field.len() - 1] = text.len() as u8;
}

fn charset(field: &mut [u8]) {
    field[1..24].copy_from_slice(b"OSTA Compressed Unicode");
}

fn domain(field: &mut [u8]) {
    field[1..20].copy_from_slice(b"*OSTA UDF Compliant");
    field[24..26].copy_from_slice(&[0x50, 0x02]);
}

/// Makes checksum and CRC of a descriptor right again.
pub fn reseal(bytes: &mut [u8]) {
    let length = usize::from(u16::from_le_bytes([bytes[10], bytes[11]])).min(bytes.len() - 16);
    let crc = bytes[16..16 + length].iter().fold(0_u16, |mut crc, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
        crc
    });
    bytes[8..10].copy_from_slice(&crc.to_le_bytes());
    bytes[4] = 0;
    bytes[4] = bytes[..16].iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
}
