//! Processors and memory that this process may really use. It must not know databases.

use std::path::{Path, PathBuf};

use super::check::Check;

/// Memory below which a load is likely to be killed: it holds 0.5 GB, the database beside it about the same.
const MEMORY: u64 = 1 << 30;

/// Processors after affinity and cgroup quota, and what Slurm gave.
pub(super) fn cpus() -> Check {
    let usable = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cpus_with(usable, std::env::var("SLURM_CPUS_PER_TASK").ok().as_deref())
}

fn cpus_with(usable: usize, slurm: Option<&str>) -> Check {
    let Some(given) = slurm else {
        return Check::good("cpus", format!("{usable} usable"));
    };
    match given.trim().parse::<usize>() {
        Ok(given) if given <= usable => Check::good("cpus", format!("{usable} usable, {given} given by Slurm")),
        Ok(given) => Check::bad(
            "cpus",
            format!("Slurm gave {given}, but affinity or a cgroup quota leaves {usable}"),
            "ask for --cpus-per-task that the node can give, or start with srun",
        ),
        Err(_) => Check::bad("cpus", format!("{usable} usable; SLURM_CPUS_PER_TASK is not a number"), "unset it or set a number"),
    }
}

/// Memory still free on the machine or in the cgroup, whichever is less.
pub(super) fn memory() -> Check {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let group = std::fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| group_free(Path::new("/sys/fs/cgroup"), &text));
    match machine.into_iter().chain(group).min() {
        None => Check::good("memory", "not told by this system"),
        Some(free) if free >= MEMORY => Check::good("memory", format!("{} MB available", free / 1_000_000)),
        Some(free) => Check::bad("memory", format!("{} MB available", free / 1_000_000), "leave at least 1 GB for a load"),
    }
}

/// `MemAvailable` in bytes (proc_meminfo(5)).
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes left under the tightest `memory.max` of the process's cgroup and those above it (cgroup version 2).
fn group_free(root: &Path, membership: &str) -> Option<u64> {
    let own = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let read = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let groups = Path::new(own).ancestors().map(|group| root.join(group));
    groups.filter_map(|group| Some(read(group.join("memory.max"))?.saturating_sub(read(group.join("memory.current"))?))).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_cpus_from_slurm_than_the_quota_leaves_is_told() {
        assert!(cpus_with(4, None).ok && cpus_with(4, Some("4")).ok && cpus_with(8, Some("2")).ok);
        assert!(!cpus_with(2, Some("16")).ok && !cpus_with(2, Some("many")).ok);
    }

    #[test]
    fn the_tightest_group_decides() {
        let root = tempfile::tempdir().unwrap();
        let job = root.path().join("slurm/job");
        std::fs::create_dir_all(&job).unwrap();
        for (folder, max, current) in [(job.as_path(), "max\n", "5\n"), (job.parent().unwrap(), "1000\n", "400\n")] {
            std::fs::write(folder.join("memory.max"), max).unwrap();
            std::fs::write(folder.join("memory.current"), current).unwrap();
        }
        assert_eq!(group_free(root.path(), "0::/slurm/job\n"), Some(600));
        assert_eq!(group_free(root.path(), "1:name=systemd:/\n"), None);
    }

    #[test]
    fn available_memory_is_in_bytes() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), Some(2_097_152));
    }
}
