//! Compound files, which old Excel keeps its workbooks in: a file system of sectors, chained by a table.
//! <https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-cfb/53989ce4-7b05-4f8d-829b-d08d6148375b>
//!
//! Nothing that the file says of itself is believed further than the file is long: chains have at most as
//! many links as there are sectors.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read, Result, Seek, SeekFrom},
    path::Path,
};

/// What every compound file begins with.
pub(in crate::files) const SIGNATURE: [u8; 8] = *b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// Greater numbers of sectors mean something else: the end of a chain, or a free sector.
const MOST_SECTORS: u32 = 0xFFFF_FFFA;
const HEADER: usize = 512;
const ENTRY: usize = 128;
/// Streams shorter than this lie in a stream of small sectors.
const SMALL_STREAM: u64 = 4_096;
const SMALL_SECTOR: u64 = 64;
const STREAM: u8 = 2;
const ROOT: u8 = 5;

/// A stream of a compound file.
pub(super) struct Stream {
    file: File,
    /// Where in the file each of its blocks begins.
    blocks: Vec<u64>,
    block: u64,
    length: u64,
    at: u64,
}

/// What a compound file lists.
struct Entry {
    name: String,
    kind: u8,
    start: u32,
    length: u64,
}

struct Compound {
    file: File,
    sector: u64,
    sectors: u64,
    /// The sector after each.
    next: Vec<u32>,
}

/// The names of what the file holds, and the stream of this name.
pub(super) fn open(path: &Path, name: &str) -> Result<(Vec<String>, Option<Stream>)> {
    let mut file = File::open(path)?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    if !header.starts_with(&SIGNATURE) {
        return Err(damaged("it does not begin as one"));
    }
    let sector = match short(&header, 30) {
        9 => 512,
        12 => 4_096,
        _ => return Err(damaged("its sectors have no known size")),
    };
    let sectors = file.metadata()?.len().div_ceil(sector).saturating_sub(1);
    let mut compound = Compound { file, sector, sectors, next: Vec::new() };
    compound.next = compound.table(&header)?;
    let entries = compound.entries(long(&header, 48))?;
    let found = entries.iter().find(|it| it.kind == STREAM && it.name.eq_ignore_ascii_case(name));
    let stream = match found {
        None => None,
        Some(entry) if entry.length < SMALL_STREAM => {
            let root = entries.iter().find(|it| it.kind == ROOT);
            let root = root.ok_or_else(|| damaged("it has no root"))?;
            Some(compound.small_blocks(entry, root.start, long(&header, 60))?)
        }
        Some(entry) => Some(compound.blocks(entry)?),
    };
    let names = entries.into_iter().map(|entry| entry.name).collect();
    let stream = stream.map(|(blocks, block, length)| Stream {
        file: compound.file,
        blocks,
        block,
        length,
        at: 0,
    });
    Ok((names, stream))
}

/// Where a stream's blocks begin, how long each is, and the whole.
type Blocks = (Vec<u64>, u64, u64);

impl Compound {
    /// The table of chains, from the sectors that the header names and those that these name.
    fn table(&mut self, header: &[u8; HEADER]) -> Result<Vec<u32>> {
        let each = self.sector / 4;
        let needed = usize::try_from(self.sectors.div_ceil(each)).map_err(|_| too_long())?;
        let mut of_table: Vec<u32> = numbers(&header[76..]).collect();
        let mut more = long(header, 68);
        while more < MOST_SECTORS && of_table.len() < needed {
            let mut sector: Vec<u32> = numbers(&self.read_sector(more)?).collect();
            more = sector.pop().unwrap_or(u32::MAX);
            of_table.extend(sector);
        }
        let mut next = Vec::new();
        for sector in of_table.into_iter().filter(|sector| *sector < MOST_SECTORS).take(needed) {
            next.extend(numbers(&self.read_sector(sector)?));
        }
        Ok(next)
    }

    fn position(&self, sector: u32) -> Result<u64> {
        if u64::from(sector) < self.sectors {
            Ok((u64::from(sector) + 1) * self.sector)
        } else {
            Err(damaged("a sector lies behind its end"))
        }
    }

    fn read_sector(&mut self, sector: u32) -> Result<Vec<u8>> {
        let position = self.position(sector)?;
        self.file.seek(SeekFrom::Start(position))?;
        let mut data = Vec::new();
        let read = (&self.file).take(self.sector).read_to_end(&mut data)?;
        if read as u64 == self.sector { Ok(data) } else { Err(damaged("a sector is cut off")) }
    }

    /// The sectors of a chain, at most so many.
    fn chain(&self, start: u32, most: u64) -> Result<Vec<u32>> {
        let most = most.min(self.sectors);
        let mut chain = Vec::new();
        let mut sector = start;
        while sector < MOST_SECTORS && (chain.len() as u64) < most {
            self.position(sector)?;
            chain.push(sector);
            let next = self.next.get(sector as usize);
            sector = *next.ok_or_else(|| damaged("a chain leads out of its table"))?;
        }
        Ok(chain)
    }

    fn entries(&mut self, start: u32) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for sector in self.chain(start, u64::MAX)? {
            let data = self.read_sector(sector)?;
            entries.extend(data.chunks_exact(ENTRY).filter_map(Entry::read));
        }
        Ok(entries)
    }

    fn blocks(&self, entry: &Entry) -> Result<Blocks> {
        let chain = self.chain(entry.start, entry.length.div_ceil(self.sector))?;
        let blocks: Result<Vec<u64>> = chain.iter().map(|sector| self.position(*sector)).collect();
        Ok((blocks?, self.sector, entry.length))
    }

    /// Of a small stream: its blocks lie in the stream of the root.
    fn small_blocks(&mut self, entry: &Entry, root: u32, table: u32) -> Result<Blocks> {
        let root = self.chain(root, u64::MAX)?;
        let mut next = Vec::new();
        for sector in self.chain(table, u64::MAX)? {
            next.extend(numbers(&self.read_sector(sector)?));
        }
        let mut blocks = Vec::new();
        let mut small = entry.start;
        for _ in 0..entry.length.div_ceil(SMALL_SECTOR) {
            let offset = u64::from(small) * SMALL_SECTOR;
            let sector = usize::try_from(offset / self.sector).ok().and_then(|it| root.get(it));
            let sector = sector.ok_or_else(|| damaged("a small sector lies behind its end"))?;
            blocks.push(self.position(*sector)? + offset % self.sector);
            small = next.get(small as usize).copied().unwrap_or(u32::MAX);
            if small >= MOST_SECTORS {
                break;
            }
        }
        Ok((blocks, SMALL_SECTOR, entry.length))
    }
}

impl Entry {
    fn read(data: &[u8]) -> Option<Self> {
        let kind = data[66];
        let length = usize::from(short(data, 64)).min(64).saturating_sub(2) / 2;
        let units = data.chunks_exact(2).take(length).map(|it| u16::from_le_bytes([it[0], it[1]]));
        let name = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        // The upper half of the length says nothing in files of the older kind.
        let length = u64::from(long(data, 120));
        let entry = Self { name: name.collect(), kind, start: long(data, 116), length };
        (kind == STREAM || kind == ROOT).then_some(entry)
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let block = usize::try_from(self.at / self.block).map_err(|_| too_long())?;
        let Some(begin) = self.blocks.get(block).filter(|_| self.at < self.length) else {
            return Ok(0);
        };
        let within = self.at % self.block;
        let most = (self.block - within).min(self.length - self.at).min(to.len() as u64);
        let most = usize::try_from(most).map_err(|_| too_long())?;
        self.file.seek(SeekFrom::Start(begin + within))?;
        let read = self.file.read(&mut to[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Stream {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| damaged("a position lies before its beginning"))?;
        Ok(self.at)
    }
}

fn numbers(data: &[u8]) -> impl Iterator<Item = u32> {
    data.chunks_exact(4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]))
}

fn short(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([data[at], data[at + 1]])
}

fn long(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]])
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the compound file is broken: {what}"))
}

fn too_long() -> Error {
    damaged("it is too long for this machine")
}
