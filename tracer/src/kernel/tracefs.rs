//! tracefs: where it is, and what its files say about tracepoints and functions.
//!
//! In: `/proc/self/mountinfo` and the files of tracefs. Out: names and [`TracepointFormat`]s. Mounts tracefs
//! when it is nowhere and this process may; never writes to its files.
//!
//! Files: Documentation/trace/events.rst and ftrace.rst in the kernel's sources.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::privilege::{Capability, Held};
use super::sorted;
use crate::facts::{TracepointField, TracepointFormat};
use crate::sys;

/// Where it is mounted by default.
const DEFAULT_ROOT: &str = "/sys/kernel/tracing";
/// Where older systems have it.
const DEBUGFS_ROOT: &str = "/sys/kernel/debug/tracing";

/// Why tracefs does not answer.
#[derive(Debug, Error)]
pub enum TracefsError {
    /// It is nowhere, and mounting it is not allowed.
    #[error(
        "tracefs is not mounted; as root, `mount -t tracefs nodev {DEFAULT_ROOT}` makes it available"
    )]
    NotMounted,
    /// Mounting it failed.
    #[error("mount tracefs at {DEFAULT_ROOT}: {0}")]
    Mount(#[source] io::Error),
    /// A file of it cannot be read.
    #[error("read {path}: {source}{}", hint(source))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A format file that is not one.
    #[error("{0} is not a tracepoint's format")]
    Format(PathBuf),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; it takes CAP_DAC_READ_SEARCH, or `mount -o remount,gid=GROUP,mode=750 /sys/kernel/tracing` as root"
        }
        _ => "",
    }
}

/// A mounted tracefs.
#[derive(Debug)]
pub struct Tracefs {
    root: PathBuf,
    mounted_now: bool,
}

impl Tracefs {
    /// Looks for it; mounts it at its default place when it is nowhere and this process may.
    ///
    /// # Errors
    /// When it is nowhere and cannot be mounted.
    pub fn find_or_mount(held: &Held) -> Result<Tracefs, TracefsError> {
        if let Some(root) = find() {
            return Ok(Tracefs {
                root,
                mounted_now: false,
            });
        }
        if !held.has(Capability::SysAdmin) {
            return Err(TracefsError::NotMounted);
        }
        let root = PathBuf::from(DEFAULT_ROOT);
        sys::mount::mount("tracefs", &root).map_err(TracefsError::Mount)?;
        Ok(Tracefs {
            root,
            mounted_now: true,
        })
    }

    /// Looks for it, and mounts nothing.
    pub fn find_mounted() -> Option<Tracefs> {
        let root = find()?;
        Some(Tracefs {
            root,
            mounted_now: false,
        })
    }

    /// The number of a tracepoint.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub fn id(&self, category: &str, name: &str) -> io::Result<u64> {
        let path = self
            .root
            .join("events")
            .join(category)
            .join(name)
            .join("id");
        let text = fs::read_to_string(path)?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// It was not mounted before this process asked.
    pub fn mounted_now(&self) -> bool {
        self.mounted_now
    }

    /// All `category:name`, sorted.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn tracepoints(&self) -> Result<Vec<String>, TracefsError> {
        let text = self.read(&self.root.join("available_events"))?;
        Ok(sorted(text.lines().map(str::to_string).collect()))
    }

    /// A tracepoint's record.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub fn format(&self, category: &str, name: &str) -> Result<TracepointFormat, TracefsError> {
        let mut path = self.root.join("events");
        // A script's name is no path: it must not lead elsewhere.
        if [category, name].iter().any(|part| part.contains('/')) {
            return Err(TracefsError::Format(path));
        }
        path.extend([category, name, "format"]);
        let text = self.read(&path)?;
        parse_format(&text).ok_or(TracefsError::Format(path))
    }

    /// Functions that can be traced, sorted, those of modules too.
    ///
    /// # Errors
    /// When the list is missing (no function tracer) or cannot be read.
    pub fn functions(&self) -> Result<Vec<String>, TracefsError> {
        let text = self.read(&self.root.join("available_filter_functions"))?;
        // "name" or "name [module]".
        let names = text.lines().filter_map(|l| l.split_whitespace().next());
        Ok(sorted(names.map(str::to_string).collect()))
    }

    /// Functions of modules that can be traced: module and function, sorted.
    ///
    /// # Errors
    /// As [`Tracefs::functions`].
    pub fn module_functions(&self) -> Result<Vec<(String, String)>, TracefsError> {
        let text = self.read(&self.root.join("available_filter_functions"))?;
        let mut found: Vec<_> = text.lines().filter_map(of_module).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn read(&self, path: &Path) -> Result<String, TracefsError> {
        let read = fs::read(path).map_err(|source| TracefsError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(String::from_utf8_lossy(&read).into_owned())
    }
}

/// Module and function of a line `name [module]`.
fn of_module(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (function, module) = (words.next()?, words.next()?);
    let module = module.strip_prefix('[')?.strip_suffix(']')?;
    Some((module.to_owned(), function.to_owned()))
}

/// The mount point, from the mount table or where it usually is.
fn find() -> Option<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted = mount_points(&table);
    // Asking for a file in debugfs's directory mounts it there by itself.
    let usual = [DEFAULT_ROOT, DEBUGFS_ROOT].map(PathBuf::from);
    let default = mounted.iter().find(|p| **p == usual[0]).cloned();
    default
        .or_else(|| mounted.into_iter().next())
        .or_else(|| usual.into_iter().find(|p| p.join("events").exists()))
}

/// Where file systems of type tracefs are mounted, in the table's order (proc_pid_mountinfo(5)).
fn mount_points(table: &str) -> Vec<PathBuf> {
    let tracefs = table.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        (after.split(' ').next()? == "tracefs").then_some(())?;
        Some(PathBuf::from(unescape(before.split(' ').nth(4)?)))
    });
    tracefs.collect()
}

/// `\040` for a space, and so on: three octal digits.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let code = part.get(..3).and_then(|d| u8::from_str_radix(d, 8).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(&part[3..]);
            }
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

/// Reads a format file; `None` when it has no id.
fn parse_format(text: &str) -> Option<TracepointFormat> {
    let id = text.lines().find_map(|l| l.strip_prefix("ID:"))?;
    let fields = text.lines().filter_map(parse_field);
    Some(TracepointFormat {
        id: id.trim().parse().ok()?,
        fields: fields.filter(|f| !f.name.starts_with("common_")).collect(),
    })
}

/// `field:unsigned long args[6]; offset:16; size:48; signed:0;`
fn parse_field(line: &str) -> Option<TracepointField> {
    let line = line.trim().strip_prefix("field:")?;
    let (declaration, rest) = line.split_once(';')?;
    let number = |key: &str| -> Option<u32> {
        let part = rest
            .split(';')
            .find_map(|part| part.trim().strip_prefix(key))?;
        part.parse().ok()
    };
    let (c_type, name) = split_declaration(declaration.trim())?;
    Some(TracepointField {
        name,
        c_type,
        offset: number("offset:")?,
        size: number("size:")?,
        // Absent on kernels before 2.6.36 only.
        signed: number("signed:").unwrap_or(0) != 0,
    })
}

/// Type and name. An array's size stands behind the name, so its type is the whole declaration.
fn split_declaration(declaration: &str) -> Option<(String, String)> {
    // `__data_loc char[] name` has brackets, but its name is the last word as well.
    let (front, array) = match declaration.rfind('[') {
        Some(at) if declaration.ends_with(']') => (&declaration[..at], true),
        _ => (declaration, false),
    };
    let front = front.trim_end();
    let start = front.rfind([' ', '*'])? + 1;
    let name = front[start..].to_string();
    let c_type = match array {
        true => declaration,
        false => front[..start].trim_end(),
    };
    (!name.is_empty()).then(|| (c_type.to_string(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = "name: x
ID: 443
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;
\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;
\tfield:__data_loc char[] filename;\toffset:64;\tsize:4;\tsigned:0;
\tfield:const char * path;\toffset:72;\tsize:8;\tsigned:0;
\tfield:struct file *file;\toffset:80;\tsize:8;\tsigned:0;

print fmt: \"NR %ld\", REC->id
";

    #[test]
    fn formats_are_read_without_the_common_fields() {
        let format = parse_format(FORMAT).unwrap();
        assert_eq!(format.id, 443);
        let got: Vec<_> = format
            .fields
            .iter()
            .map(|f| {
                (
                    f.name.as_str(),
                    f.c_type.as_str(),
                    f.offset,
                    f.size,
                    f.signed,
                )
            })
            .collect();
        assert_eq!(
            got,
            [
                ("id", "long", 8, 8, true),
                ("args", "unsigned long args[6]", 16, 48, false),
                ("filename", "__data_loc char[]", 64, 4, false),
                ("path", "const char *", 72, 8, false),
                ("file", "struct file *", 80, 8, false),
            ]
        );
    }

    #[test]
    fn what_is_no_format_is_refused() {
        assert_eq!(parse_format("name: x\n"), None);
        assert_eq!(parse_format("ID: x\n"), None);
        assert_eq!(
            parse_field("\tfield:int;\toffset:0;\tsize:4;\tsigned:1;"),
            None
        );
        assert_eq!(parse_field("\tfield:int a;\toffset:?;\tsize:4;"), None);
    }

    #[test]
    fn mount_points_come_from_the_table() {
        let table = "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
42 23 0:13 / /odd\\040place rw shared:5 master:1 - tracefs nodev rw
43 23 0:13 / /sys/kernel/tracing rw,relatime - tracefs nodev rw
";
        let want = ["/odd place", "/sys/kernel/tracing"].map(PathBuf::from);
        assert_eq!(mount_points(table), want);
    }

    #[test]
    fn odd_backslashes_stay() {
        assert_eq!(unescape("a\\b\\04"), "a\\b\\04");
    }
}
