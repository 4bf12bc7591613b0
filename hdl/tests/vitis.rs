//! `scripts/vitis`: what is generated is committed, says what the register map and the emitted ports say, and its Tcl runs
//! against stand-ins of Vivado's commands. No vendor tool is here.

use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use systole_hdl::{configs, emit};
use systole_isa::config::Config;
use systole_isa::manifest::Kernel;
use systole_isa::{allocate, control, vitis};

/// The configuration for the Alveo U50.
const CONFIG: &str = "mid16x16";

fn folder(kernel: &Kernel) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/vitis").join(&kernel.name)
}

fn config() -> Config {
    configs::config(CONFIG).unwrap()
}

fn kernels() -> [(Kernel, String); 2] {
    let config = config();
    [(Kernel::infer(), emit::verilog(&config).unwrap()), (Kernel::allocate(), emit::allocator(&config).unwrap())]
}

/// Width of each port of a module of emitted Verilog.
fn widths(verilog: &str, module: &str) -> BTreeMap<String, u64> {
    let head = verilog.split_once(&format!("module {module} (")).unwrap().1.split_once(");").unwrap().0;
    let port = |line: &str| {
        let words: Vec<&str> = line.trim().trim_end_matches(',').split_whitespace().collect();
        let name = (*words.last()?).to_owned();
        let high = words.iter().find_map(|w| w.strip_prefix('[')?.split(':').next()?.parse::<u64>().ok());
        Some((name, high.map_or(1, |high| high + 1)))
    };
    head.lines().filter_map(port).collect()
}

fn number(node: Node<'_, '_>, attribute: &str) -> u64 {
    let text = node.attribute(attribute).unwrap_or_else(|| panic!("no {attribute}"));
    text.strip_prefix("0x").map_or_else(|| text.parse().unwrap(), |hex| u64::from_str_radix(hex, 16).unwrap())
}

#[test]
fn committed_files_are_the_generated_ones() {
    let config = config();
    for kernel in [Kernel::infer(), Kernel::allocate()] {
        for (file, text) in
            [("kernel.xml", vitis::kernel_xml(&kernel, &config)), ("package.tcl", vitis::package_tcl(&kernel, &config))]
        {
            let path = folder(&kernel).join(file);
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == text, "{} is not current; run scripts/generate", path.display());
        }
    }
}

#[test]
fn the_xml_says_what_register_map_and_ports_say() {
    let config = config();
    for (kernel, verilog) in kernels() {
        let text = std::fs::read_to_string(folder(&kernel).join("kernel.xml")).unwrap();
        let document = Document::parse(&text).unwrap();
        let find = |tag: &str| document.descendants().filter(|n| n.has_tag_name(tag)).collect::<Vec<_>>();
        let [declared] = find("kernel")[..] else { panic!("one kernel a file") };
        assert_eq!(declared.attribute("name"), Some(kernel.name.as_str()));
        assert_eq!(declared.attribute("hwControlProtocol"), Some("ap_ctrl_hs"));
        let widths = widths(&verilog, &kernel.name);
        for port in ["ap_clk", "ap_rst_n"] {
            assert_eq!(widths.get(port), Some(&1), "{port}: Vitis finds clock and reset by this name");
        }
        assert_eq!(declared.attribute("interrupt") == Some("true"), widths.contains_key("interrupt"));

        let ports = find("port");
        assert_eq!(ports.len(), 2);
        for port in ports {
            let (name, data) = (port.attribute("name").unwrap(), number(port, "dataWidth"));
            for channel in ["wdata", "rdata"] {
                assert_eq!(widths[&format!("{name}_{channel}")], data, "{name}_{channel}");
            }
            assert_eq!(widths[&format!("{name}_wstrb")], data / 8);
            let address = widths[&format!("{name}_araddr")];
            assert_eq!(widths[&format!("{name}_awaddr")], address);
            if port.attribute("mode") == Some("slave") {
                assert_eq!(address, u64::from(control::ADDRESS_BITS));
                let last = control::REGISTERS.iter().map(|r| r.offset + 4).max().unwrap();
                assert!(u64::from(last) <= 1 << address && 1 << address <= number(port, "range"));
            } else {
                assert_eq!(address, u64::from(config.addr_bits));
                assert_eq!(number(port, "range"), u64::MAX >> (64 - address), "the whole of what the master reaches");
                assert_eq!(data, 8 * config.bus_bytes() as u64);
            }
        }

        let args = find("arg");
        assert_eq!(args.len(), kernel.arguments.len());
        for (i, (arg, name)) in args.into_iter().zip(&kernel.arguments).enumerate() {
            assert_eq!((arg.attribute("name"), number(arg, "id")), (Some(name.as_str()), i as u64));
            assert_eq!(arg.attribute("port"), Some(vitis::MEMORY_PORT));
            // A pointer to global memory: 64 bits, low word first.
            assert_eq!((number(arg, "addressQualifier"), number(arg, "size"), number(arg, "hostSize")), (1, 8, 8));
            let offset = number(arg, "offset");
            assert_eq!(offset, u64::from(control::argument_offset(i as u32)));
            if kernel.name != allocate::KERNEL {
                let register = control::REGISTERS.iter().find(|r| u64::from(r.offset) == offset).unwrap();
                assert_eq!(register.name, name, "the register map's own name");
            }
        }
        // XRT writes control at 0x00 and the interrupt's registers at 0x04, 0x08 and 0x0c, whatever the XML says.
        let map = [control::CONTROL, control::GLOBAL_INTERRUPT, control::INTERRUPT_ENABLE, control::INTERRUPT_STATUS];
        assert_eq!(map, [0x00, 0x04, 0x08, 0x0c]);
    }
}

#[test]
fn the_tcl_runs_against_stand_ins_of_vivado() {
    if Command::new("tclsh").arg("/dev/null").output().is_err() {
        return eprintln!("skipped: there is no tclsh; scripts/setup --test installs it");
    }
    let verilog = tempfile::tempdir().unwrap();
    emit::emit(&config(), verilog.path()).unwrap();
    let out = verilog.path().join("out");
    let check = folder(&Kernel::infer()).join("../check.tcl");
    let run = |script: &Path, verilog: &Path| {
        Command::new("tclsh").arg(&check).arg(script).arg(verilog).arg(&out).output().unwrap()
    };
    for kernel in [Kernel::infer(), Kernel::allocate()] {
        let script = folder(&kernel).join("package.tcl");
        let done = run(&script, verilog.path());
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(said.contains("package_xo -xo_path ") && said.contains(&format!("/{}.xo", kernel.name)), "{said}");

        // Without the Verilog it says what to do; what is wrong in it is found.
        let done = run(&script, &out);
        assert_eq!(done.status.code(), Some(2), "{}", String::from_utf8_lossy(&done.stdout));
        assert!(String::from_utf8_lossy(&done.stderr).contains("run systole-hdl emit --config mid16x16"));
        let text = std::fs::read_to_string(&script).unwrap();
        for (from, to, wanted) in [
            ("ipx::save_core $core", "ipx::save_core", "ipx::save_core takes 1 arguments"),
            ("-kernel_xml", "-kernel_xmi", "package_xo has no option -kernel_xmi"),
            ("ipx::update_checksums $core\n", "", "ipx::save_core before ipx::update_checksums"),
            ("sdx_kernel_type rtl", "kernel_type rtl", "unknown property kernel_type"),
            ("puts \"$xo", "puts {$xo", "not closed"),
        ] {
            assert!(text.contains(from), "{from}");
            let spoilt = out.join("package.tcl");
            std::fs::create_dir_all(&out).unwrap();
            std::fs::copy(folder(&kernel).join("kernel.xml"), out.join("kernel.xml")).unwrap();
            std::fs::write(&spoilt, text.replace(from, to)).unwrap();
            let done = run(&spoilt, verilog.path());
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(
                done.status.code() == Some(1) && said.contains(wanted) && said.lines().count() == 1,
                "{from}: {said}"
            );
        }
    }
}
