//! The guest's file system: a cpio archive in the "newc" form that the kernel unpacks at boot
//! (kernel documentation: `driver-api/early-userspace/buffer-format`).
//!
//! In: directories and files. Out: the archive's bytes. Never reads the disk.

/// An archive under construction. A directory must be added before what lies in it.
#[derive(Default)]
pub struct Image {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DATA: u32 = 0o100_644;

impl Image {
    /// Adds an empty directory; `path` without a leading slash.
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY, &[]);
    }

    /// Adds a file that may be executed.
    pub fn program(&mut self, path: &str, content: &[u8]) {
        self.entry(path, PROGRAM, content);
    }

    /// Adds a file that may be read.
    pub fn data(&mut self, path: &str, content: &[u8]) {
        self.entry(path, DATA, content);
    }

    /// The finished archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).expect("a test's file is smaller than 4 GiB");
        let name_size = path.len() as u32 + 1;
        // inode, mode, uid, gid, links, mtime, size, device ×2, its own device ×2, name's size, checksum
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            0,
            0,
            name_size,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    /// Headers and contents begin at multiples of four.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_what_the_format_says() {
        let mut image = Image::default();
        image.program("init", b"hello");
        let bytes = image.finish();
        let text = String::from_utf8(bytes.clone()).expect("ASCII");
        // 110 bytes of header, "init\0" and one byte of padding, "hello" and three.
        assert_eq!(&text[..14], "07070100000001");
        assert_eq!(&text[14..22], "000081ED");
        assert_eq!(&text[54..62], "00000005");
        assert_eq!(&text[110..116], "init\0\0"[..].get(..6).expect("six bytes"));
        assert_eq!(&bytes[116..124], b"hello\0\0\0");
        assert_eq!(&text[124..130], "070701");
        assert!(text[124..].contains("TRAILER!!!"));
        assert_eq!(bytes.len() % 4, 0);
        let mut image = Image::default();
        image.data("etc/passwd", b"");
        assert_eq!(&image.finish()[14..22], b"000081A4");
    }
}
